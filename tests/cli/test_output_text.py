"""The text that a person sees, line by line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import pytest

from minikubelet.cli.output import PodSummary, RunOutput
from minikubelet.cli.output_text import Labels, TextOutput, elapsed
from minikubelet.journal import ContainerExited, PodRef
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.pod.pod_status import (
    ContainerStatus,
    PodPhase,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from minikubelet.pod.wording import exit_cause
from tests.cli.records import (
    BEGAN,
    DB,
    WEB,
    a_line,
    a_probe,
    a_start,
    an_event,
    an_exit,
    at,
)


class Screen:
    """A pipe that the output writes to; `text()` is what it wrote."""

    def __init__(self) -> None:
        self._read, self.fd = os.pipe()
        self.seconds = 0.0

    def output(
        self,
        containers: Sequence[tuple[PodRef, str]] = ((WEB, "app"), (WEB, "db")),
        *,
        is_terminal: bool = False,
        color: bool = False,
    ) -> RunOutput:
        return TextOutput(
            self.fd,
            containers,
            now=lambda: at(self.seconds),
            is_terminal=is_terminal,
            color=color,
        )

    def text(self) -> bytes:
        os.set_blocking(self._read, False)
        return os.read(self._read, 65536)

    def close(self) -> None:
        os.close(self._read)
        os.close(self.fd)


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


def test_logs_and_what_happens_between_them(screen: Screen) -> None:
    output = screen.output()
    output.record(a_start())
    output.log_lines(WEB, "app", [a_line(b"listening on :8080"), a_line(b"warn", "stderr")])
    output.record(
        a_probe("success", ProbeKind.READINESS, verdict="success", before="failure", seconds=2.06)
    )
    output.log_lines(WEB, "db", [a_line(b"> ", partial=True)])
    output.record(a_probe("failure", output="statuscode: 500", seconds=12.33))
    output.event(an_event("FailedMount", "no such map", 2, seconds=75))
    output.record(an_exit(0, seconds=3 * 3600 + 120))
    screen.seconds = 61
    output.notice("interrupted: stopping default/web, grace 30s")
    output.notice("killing what is left at once", warning=True)
    output.log_lost(WEB, "db")
    assert screen.text().decode() == (
        "app ●    0.0s  started (pid 7)\n"
        "app │ listening on :8080\n"
        "app │ warn\n"
        "app ●    2.1s  ready\n"
        "db  │ > \n"
        "app ▲   12.3s  Unhealthy: Liveness probe failed: statuscode: 500 (1 of 3)\n"
        "pod ▲   1m15s  FailedMount: no such map (x2)\n"
        "app ●   3h02m  completed after 3.2s\n"
        "    ●   1m01s  interrupted: stopping default/web, grace 30s\n"
        "    ▲   1m01s  killing what is left at once\n"
        "db  ▲   1m01s  log lines were rotated away before they could be shown\n"
    )


def test_colors_on_a_terminal(screen: Screen) -> None:
    output = screen.output(is_terminal=True, color=True)
    output.log_lines(WEB, "app", [a_line(b"\x1b[31mred\x1b[2J")])
    output.log_lines(WEB, "db", [a_line(b"\xff")])
    output.record(a_start())
    output.event(an_event("FailedMount", "\x1b[2J"))
    assert screen.text().decode() == (
        "\x1b[36mapp\x1b[0m │ \x1b[31mred^[[2J\x1b[0m\n"
        "\x1b[35mdb \x1b[0m │ \ufffd\n"
        "\x1b[36mapp\x1b[0m \x1b[2m●\x1b[0m \x1b[2m   0.0s\x1b[0m  "
        "\x1b[2mstarted (pid 7)\x1b[0m\n"
        "pod \x1b[33m▲\x1b[0m \x1b[2m   0.0s\x1b[0m  \x1b[33mFailedMount: ^[[2J\x1b[0m\n"
    )


def test_without_a_terminal_the_bytes_of_a_line_are_kept(screen: Screen) -> None:
    screen.output([(WEB, "app")]).log_lines(WEB, "app", [a_line(b"\xff\x1b[2J\r\x00")])
    assert screen.text() == "app │ ".encode() + b"\xff\x1b[2J\r\x00\n"


def test_what_is_posted_goes_through_the_thread_of_the_logs(screen: Screen) -> None:
    waiting: list[Callable[[], None]] = []
    output = screen.output()
    output.speak_through(waiting.append)
    output.record(an_exit(1))
    output.log_lines(WEB, "app", [a_line(b"last words")])
    waiting.pop()()
    assert screen.text().decode() == ("app │ last words\napp ▲    0.0s  ended after 3.2s: exit 1\n")


def test_after_closing_nothing_is_shown(screen: Screen) -> None:
    output = screen.output()
    output.notice("one")
    output.close()
    output.notice("two")
    assert screen.text().decode() == "    ●    0.0s  one\n"


SAME_NAME = PodRef("other", "web", "3")


@pytest.mark.parametrize(
    ("containers", "labels"),
    [
        pytest.param([(WEB, "app"), (WEB, "sidecar")], ["app    ", "sidecar", "pod    "], id="one"),
        pytest.param(
            [(WEB, "app"), (DB, "postgres")],
            ["web/app    ", "db/postgres", "web        "],
            id="two",
        ),
        pytest.param(
            [(WEB, "app"), (SAME_NAME, "app")],
            ["default/web/app", "other/web/app  ", "default/web    "],
            id="two of one name",
        ),
    ],
)
def test_labels_are_short_and_unambiguous(
    containers: list[tuple[PodRef, str]], labels: list[str]
) -> None:
    made = Labels(containers, color=False)
    assert [made.label(*key) for key in (*containers, (WEB, ""))] == labels


def test_a_container_that_was_not_announced_is_shown_all_the_same() -> None:
    made = Labels([(WEB, "app")], color=True)
    assert made.label(WEB, "debugger") == "debugger"
    other = PodRef("default", "other", "u9")
    assert (made.label(other, "app"), made.label(other)) == ("other/app", "other")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-0.01, "0.0s"),
        (0, "0.0s"),
        (59.94, "59.9s"),
        (59.96, "1m00s"),
        (3599, "59m59s"),
        (3600, "1h00m"),
        (100 * 3600 - 1, "99h59m"),
    ],
)
def test_time_since_the_begin(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text


def test_the_summary(screen: Screen) -> None:
    crashed = Terminated(137, "Error")
    web = PodStatus(
        phase=PodPhase.RUNNING,
        init_container_statuses=(
            ContainerStatus("migrate", Terminated(0, "Completed"), ready=True),
        ),
        container_statuses=(
            ContainerStatus("app", Running(BEGAN), crashed, ready=True, restart_count=2),
            ContainerStatus("cache", Waiting("CrashLoopBackOff"), Terminated(1, "Error")),
            ContainerStatus("new", Waiting("ContainerCreating")),
            ContainerStatus("fat", Terminated(137, "OOMKilled")),
        ),
    )
    db = PodStatus(phase=PodPhase.FAILED, reason="NodePorts", message="Pod was rejected: busy")
    output = screen.output()
    screen.seconds = 90
    output.summary(
        [PodSummary(WEB, web, {"app": "liveness probe failed"}), PodSummary(DB, db)],
        "failed: default/db",
    )
    assert screen.text().decode() == (
        "\n"
        "POD  CONTAINER  STATE              READY  RESTARTS  LAST EXIT\n"
        "web  migrate    Completed          yes    0         0\n"
        "web  app        Running            yes    2         137, liveness probe failed\n"
        "web  cache      CrashLoopBackOff   no     0         1\n"
        "web  new        ContainerCreating  no     0         -\n"
        "web  fat        OOMKilled          no     0         137, OOMKilled\n"
        "db   -          Failed             no     -         -\n"
        "default/db: Failed: NodePorts: Pod was rejected: busy\n"
        "\n"
        "failed: default/db after 1m30s\n"
    )


def test_a_message_in_the_summary_cannot_disturb_a_terminal(screen: Screen) -> None:
    status = PodStatus(phase=PodPhase.FAILED, reason="Evicted", message="\x1b[2J")
    screen.output(is_terminal=True).summary([PodSummary(WEB, status)], "failed: default/web")
    assert b"default/web: Failed: Evicted: ^[[2J\n" in screen.text()


@pytest.mark.parametrize(
    ("record", "cause"),
    [
        pytest.param(an_exit(0), "", id="completed"),
        pytest.param(an_exit(1), "", id="the exit code says it all"),
        pytest.param(an_exit(139, signal=11), "SIGSEGV", id="a signal"),
        pytest.param(an_exit(168, signal=40), "signal 40", id="a signal without a name"),
        pytest.param(an_exit(137, signal=9, reason="OOMKilled"), "OOMKilled", id="a reason"),
        pytest.param(
            an_exit(137, KillCause.LIVENESS, signal=9), "liveness probe failed", id="a decision"
        ),
    ],
)
def test_why_a_container_ended(record: ContainerExited, cause: str) -> None:
    assert exit_cause(record) == cause
