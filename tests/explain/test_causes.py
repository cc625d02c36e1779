"""For each way to end: the cause, the words, and the chain that led to it.

Every case is played by the production worker in virtual time; what only a crash of the daemon or
the real runtime tells comes as records.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from minikubelet.explain.explanation import explain
from minikubelet.journal import (
    ContainerAdopted,
    ContainerCreated,
    ContainerExited,
    PodAdopted,
    PodEvicted,
    PodUpdated,
    Record,
    StopStep,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.json_tree import Json
from minikubelet.mock.health import HealthScript
from minikubelet.node.agent import NodeAgent
from minikubelet.node.stop_request import StopRequest
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.simulate.app import App
from tests.cli.records import ID, WEB, a_kill, a_start, an_exit, at, of_app
from tests.explain.course import Act, a_document, play

HTTP: Json = {"httpGet": {"path": "/healthz", "port": 8080}}
TCP: Json = {"tcpSocket": {"port": 8080}}
GRPC: Json = {"grpc": {"port": 8080}}
EXEC: Json = {"exec": {"command": ["check", "--all"]}}
SLEEP: Json = {"sleep": {"seconds": 3}}
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
FOR_EVER = "exits at 1000h"


def live(handler: Json, **fields: Any) -> Json:
    probe = {**handler, "periodSeconds": 5, "failureThreshold": 2, **fields}
    return {"livenessProbe": probe}


def started(handler: Json) -> Json:
    return {"startupProbe": {**handler, "periodSeconds": 1, "failureThreshold": 3}}


def hooked(hook: str, handler: Json) -> Json:
    return {"lifecycle": {hook: handler}}


def ruled(action: str, code: int) -> Json:
    rule = {"action": action, "exitCodes": {"operator": "In", "values": [code]}}
    return {"restartPolicy": "Never", "restartPolicyRules": [rule]}


def stop(cause: KillCause) -> Act:
    def act(agent: NodeAgent) -> None:
        agent.stop_all(StopRequest(cause))

    return act


def cannot(message: str) -> App:
    return App(start_error=ContainerStartError("RunContainerError", message))


@dataclass(frozen=True, slots=True)
class Case:
    """One pod and what is said of its container's first end."""

    document: Json
    apps: dict[str, Any]
    cause: str
    text: str
    chain: tuple[str, ...]
    """What the links say, in order; those in between are left out."""
    seconds: float = 60
    acts: tuple[tuple[float, Act], ...] = ()
    container: str = "app"


def a_case(name: str, *args: Any, **fields: Any) -> Any:
    return pytest.param(Case(*args, **fields), id=name)


REFUSED = "dial tcp 127.0.0.1:8080: connect: connection refused"
STATUS = "HTTP probe failed with statuscode: 500"
GET = 'Get "http://127.0.0.1:8080/healthz"'
NO_ANSWER = f"{GET}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
NO_GRPC = 'timeout: failed to connect service "127.0.0.1:8080" within 1s: context deadline exceeded'


def failed_twice(named: str, said: str) -> str:
    times = "failed 2 times in a row (failureThreshold 2)"
    with_ = f", the last time with: {said}" if said else ""
    return f"Container app was stopped because its liveness probe ({named}) {times}{with_}. "


@pytest.mark.parametrize(
    "case",
    [
        a_case(
            "exit 0",
            a_document(),
            {"app": "exits at 3s"},
            "Completed",
            "Container app ended by itself after 3s with exit code 0. It was started again "
            "(restart 1): restartPolicy Always.",
            ("started (pid", "ended after 3s: exit 0", "started (restart 1"),
        ),
        a_case(
            "exit n",
            a_document(restartPolicy="OnFailure"),
            {"app": "exits at 3s with 7"},
            "ExitCode",
            "Container app ended by itself after 3s with exit code 7. It was started again "
            "(restart 1): restartPolicy OnFailure.",
            ("ended after 3s: exit 7", "started (restart 1"),
        ),
        a_case(
            "exit n, for good",
            a_document(restartPolicy="Never"),
            {"app": "exits at 3s with 7"},
            "ExitCode",
            "Container app ended by itself after 3s with exit code 7. It is not started again "
            "(restartPolicy Never).",
            ("ended after 3s: exit 7",),
        ),
        a_case(
            "out of memory",
            a_document({"resources": {"limits": {"memory": "64Mi"}}}),
            {"app": "runs out of memory at 3s"},
            "OOMKilled",
            "Container app was killed after 3s because it ran out of memory, of which it may have "
            "64Mi (OOMKilled). It was started again (restart 1): restartPolicy Always.",
            ("ended by SIGKILL after 3s: exit 137 (SIGKILL), OOMKilled",),
        ),
        a_case(
            "liveness by exec",
            a_document(live(EXEC)),
            {"app": "fails at 7s"},
            "LivenessProbe",
            failed_twice("exec check --all", "")
            + "It was asked to stop with a grace period of 30s and did so (exit code 143, SIGTERM)"
            ". It was started again (restart 1).",
            (
                "Liveness probe succeeded for the last time",
                "Liveness probe failed (1 of 2)",
                "Liveness probe failed (2 of 2)",
                "threshold reached: 2 failures in a row (failureThreshold 2)",
                "asked to stop, liveness probe failed: Container app failed liveness probe, will "
                "be restarted (grace 30s)",
                "SIGTERM sent, 30s of grace left",
                "ended by SIGTERM after 15s: exit 143",
                "started (restart 1",
            ),
        ),
        a_case(
            "liveness by HTTP status",
            a_document(live(HTTP)),
            {"app": "fails at 7s"},
            "LivenessProbe",
            failed_twice("http GET :8080/healthz", STATUS),
            (
                f"Liveness probe failed (1 of 2) after 0s: {STATUS} [body: failing",
                "threshold reached",
            ),
        ),
        a_case(
            "liveness by HTTP time-out",
            a_document(live(HTTP)),
            {"app": "hangs at 7s"},
            "LivenessProbe",
            failed_twice("http GET :8080/healthz", NO_ANSWER),
            (f"Liveness probe failed (2 of 2) after 1s: {NO_ANSWER}", "threshold reached"),
        ),
        a_case(
            "liveness by a refused connection",
            a_document(live(HTTP)),
            {"app": "listens after 1h"},
            "LivenessProbe",
            failed_twice(
                "http GET :8080/healthz", f'Get "http://127.0.0.1:8080/healthz": {REFUSED}'
            ),
            ("Liveness probe failed (1 of 2)", "threshold reached"),
        ),
        a_case(
            "liveness by TCP",
            a_document(live(TCP)),
            {"app": "listens after 1h"},
            "LivenessProbe",
            failed_twice("tcp :8080", REFUSED),
            (f"Liveness probe failed (2 of 2) after 0s: {REFUSED}", "threshold reached"),
        ),
        a_case(
            "liveness by gRPC",
            a_document(live(GRPC)),
            {"app": "fails at 7s"},
            "LivenessProbe",
            failed_twice("grpc :8080", 'service unhealthy (responded with "NOT_SERVING")'),
            ("Liveness probe failed (2 of 2) after 0s: service unhealthy", "threshold reached"),
        ),
        a_case(
            "the start-up budget is used up",
            a_document(started(GRPC)),
            {"app": "listens after 1h"},
            "StartupProbe",
            "Container app was stopped because its startup probe (grpc :8080) failed 3 times in a "
            f"row (failureThreshold 3), the last time with: {NO_GRPC}. It was asked to stop",
            (
                "Startup probe failed (3 of 3)",
                "threshold reached: 3 failures in a row (failureThreshold 3)",
                "asked to stop, startup probe failed",
            ),
        ),
        a_case(
            "the grace period is exceeded",
            a_document(live(HTTP), terminationGracePeriodSeconds=4),
            {"app": "fails at 7s, ignores TERM"},
            "LivenessProbe",
            failed_twice("http GET :8080/healthz", STATUS)
            + "It was asked to stop with a grace period of 4s, was still running 4s after SIGTERM, "
            "and was killed (exit code 137, SIGKILL).",
            ("SIGTERM sent, 4s of grace left", "SIGKILL: still running 4s after SIGTERM", "ended"),
        ),
        a_case(
            "a preStop hook fails",
            a_document(hooked("preStop", HTTP), terminationGracePeriodSeconds=4),
            {"app": "listens after 1h"},
            "Deleted",
            "Container app was stopped because the pod was deleted. Its preStop hook failed after "
            '0s: HTTP lifecycle hook (/healthz) for Container "app" in Pod "web_default(uid-1)" '
            "failed",
            (
                "asked to stop, the pod is deleted: Stopping container app (grace 4s)",
                "preStop hook (http-get :8080/healthz) failed after 0s",
                "SIGTERM sent, 4s of grace left",
            ),
            acts=((5, stop(KillCause.DELETED)),),
        ),
        a_case(
            "a preStop hook takes the whole grace period",
            a_document(
                hooked("preStop", {"sleep": {"seconds": 3}}), terminationGracePeriodSeconds=4
            ),
            {"app": "ignores TERM"},
            "Deleted",
            "Container app was stopped because the pod was deleted. It was asked to stop with a "
            "grace period of 4s, was still running 2s after SIGTERM, and was killed",
            ("preStop hook (sleep 3s) took 3s", "SIGTERM sent, 2s of grace left", "SIGKILL"),
            acts=((5, stop(KillCause.DELETED)),),
        ),
        a_case(
            "the user deletes the pod",
            a_document(),
            {"app": "stops in 2s with 0"},
            "Deleted",
            "Container app was stopped because the pod was deleted. It was asked to stop with a "
            "grace period of 30s and did so (exit code 0).",
            ("asked to stop, the pod is deleted", "SIGTERM sent", "ended after 7s: exit 0"),
            acts=((5, stop(KillCause.DELETED)),),
        ),
        a_case(
            "the daemon stops its pods",
            a_document(),
            {"app": FOR_EVER},
            "Shutdown",
            "Container app was stopped because the daemon was asked to stop it.",
            ("asked to stop: Stopping container app (grace 30s)", "SIGTERM sent"),
            acts=((5, stop(KillCause.SHUTDOWN)),),
        ),
        a_case(
            "activeDeadlineSeconds",
            a_document(activeDeadlineSeconds=5),
            {"app": FOR_EVER},
            "ActiveDeadline",
            "Container app was stopped because the pod was active for longer than its "
            "activeDeadlineSeconds (5s). It was asked to stop",
            ("asked to stop, activeDeadlineSeconds exceeded", "SIGTERM sent", "ended by SIGTERM"),
        ),
        a_case(
            "an init container fails and is tried again",
            a_document(initContainers=[{"name": "prepare", "image": "x", "command": ["p"]}]),
            {"prepare": "exits at 2s with 3"},
            "ExitCode",
            "Container prepare ended by itself after 2s with exit code 3. It was started again "
            "(restart 1)",
            ("ended after 2s: exit 3", "started (restart 1"),
            container="prepare",
        ),
        a_case(
            "an init container fails for good",
            a_document(
                initContainers=[{"name": "prepare", "image": "x", "command": ["p"]}],
                restartPolicy="Never",
            ),
            {"prepare": "exits at 2s with 3"},
            "ExitCode",
            "Container prepare ended by itself after 2s with exit code 3. It is not started again "
            "(restartPolicy Never).",
            ("ended after 2s: exit 3",),
            container="prepare",
        ),
        a_case(
            "an init container has done its work",
            a_document(initContainers=[{"name": "prepare", "image": "x", "command": ["p"]}]),
            {"prepare": "exits at 2s", "app": FOR_EVER},
            "Completed",
            "Container prepare ended by itself after 2s with exit code 0. With that it is done: an "
            "init container runs until it has succeeded once.",
            ("ended after 2s: exit 0",),
            container="prepare",
        ),
        a_case(
            "a grace period is lengthened",
            a_document(live(EXEC), terminationGracePeriodSeconds=1),
            {"app": "fails at 7s"},
            "LivenessProbe",
            failed_twice("exec check --all", ""),
            ("asked to stop", "SIGTERM sent, 2s of grace left, the least there is"),
        ),
        a_case(
            "a restart rule",
            a_document(ruled("Restart", 42), restartPolicy="Never"),
            {"app": "exits at 3s with 42"},
            "ExitCode",
            "Container app ended by itself after 3s with exit code 42. It was started again "
            "(restart 1): restartPolicyRules[0] says Restart for this exit code.",
            ("ended after 3s: exit 42", "started (restart 1"),
        ),
        a_case(
            "a postStart hook fails",
            a_document(hooked("postStart", HTTP)),
            {"app": "listens after 1h"},
            "PostStartHook",
            "Container app was stopped because its postStart hook failed: HTTP lifecycle hook "
            '(/healthz) for Container "app" in Pod "web_default(uid-1)" failed',
            ("postStart hook (http-get :8080/healthz) failed", "asked to stop, postStart hook"),
        ),
        a_case(
            "an executable that is missing",
            a_document(),
            {"app": cannot('exec "run": not found')},
            "CannotExecute",
            'Container app cannot be started: RunContainerError: exec "run": not found. The start '
            "was tried again",
            ('cannot start: RunContainerError: exec "run": not found',),
        ),
        a_case(
            "the pod is over",
            a_document(
                initContainers=[
                    {"name": "side", "image": "x", "command": ["s"], "restartPolicy": "Always"}
                ],
                restartPolicy="Never",
            ),
            {"app": "exits at 3s", "side": FOR_EVER},
            "PodFinished",
            "Container side was stopped because no regular container is left to run, so that the "
            "pod is over.",
            ("asked to stop, no regular container is left to run", "SIGTERM sent"),
            container="side",
        ),
    ],
)
def test_why_a_container_ended(case: Case) -> None:
    course = play(case.document, case.apps, case.seconds, dict(case.acts))
    (told,) = course.explain(container=case.container).containers
    end = told.ends[-1]
    assert end.cause == case.cause
    assert end.text.startswith(case.text), end.text
    said = [link.text for link in end.chain]
    places = [next((i for i, t in enumerate(said) if t.startswith(c)), None) for c in case.chain]
    assert None not in places, said
    assert places == sorted(places), said  # type: ignore[type-var]


def test_a_restart_rule_for_all_names_the_container_that_set_it_off() -> None:
    document = a_document(ruled("RestartAllContainers", 42), restartPolicy="Never")
    document["spec"]["containers"].append({"name": "other", "image": "x", "command": ["o"]})
    course = play(document, {"app": "exits at 3s with 42 then exits at 1000h"}, 20)
    end = course.newest_end("other")
    assert end.cause == "RestartAllContainers"
    assert end.text.startswith(
        "Container other was stopped because a restart rule restarts all containers because "
        "container app ended (exit 42)."
    )


# --- what the real runtime, or a crash of the daemon, tells


def why(*records: Record) -> tuple[str, str]:
    (container,) = explain(WEB, records).containers
    return container.ends[0].cause, container.ends[0].text


def test_a_signal_from_somebody_else() -> None:
    cause, text = why(a_start(0), an_exit(139, signal=11, seconds=3))
    assert cause == "Signal"
    assert text == (
        "Container app was ended after 3.2s by SIGSEGV, which the daemon had not sent "
        "(exit code 139)."
    )


def test_a_new_image() -> None:  # L-99
    update = PodUpdated(at=at(1), pod=WEB, changes=("image of app: shop:1 → shop:2",))
    kill = a_kill(KillCause.DEFINITION_CHANGED, "Container app definition changed", seconds=1)
    cause, text = why(a_start(0), update, kill, an_exit(0, KillCause.DEFINITION_CHANGED, seconds=2))
    assert cause == "DefinitionChanged"
    assert text.startswith(
        "Container app was stopped because its definition was changed: image of app: shop:1 → "
        "shop:2. It was asked to stop with a grace period of 30s and did so"
    )


def test_other_resources() -> None:  # L-257
    kill = a_kill(KillCause.RESIZED, "Container app resize requires restart", seconds=1)
    cause, text = why(a_start(0), kill, an_exit(0, KillCause.RESIZED, seconds=2))
    assert cause == "Resized"
    assert text.startswith(
        "Container app was stopped because its resources were changed, and its resizePolicy asks "
        "for a restart. It was asked to stop with a grace period of 30s and did so"
    )


def adopted(seconds: float) -> ContainerAdopted:
    return ContainerAdopted(**of_app(seconds), container_id=ID, restart_count=0, pid=7)


def test_a_daemon_that_crashed_ended_nothing() -> None:
    told = explain(
        WEB,
        [a_start(0), PodAdopted(at=at(5), pod=WEB), adopted(5)],
        document={
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        },
    )
    assert told.text == "The pod is Running and Ready."
    assert [link.text for link in told.facts] == ["a new daemon took the pod over, as it ran"]
    (container,) = told.containers
    assert (container.text, container.restarts, container.ends) == (
        "runs since 2026-01-01T12:00:00Z",
        0,
        (),
    )


def test_a_restart_is_told_though_a_daemon_took_the_new_instance_over() -> None:
    again = replace(a_start(2), container_id="process://b", restart_count=1, pid=8)
    taken = replace(adopted(5), container_id="process://b", restart_count=1, pid=8)
    (container,) = explain(WEB, [a_start(0), an_exit(1, seconds=1), again, taken]).containers
    assert [link.text for link in container.ends[0].chain][-1] == "started (restart 1, pid 8)"
    assert container.text == "runs since 2026-01-01T12:00:02Z"


def test_what_is_quoted_at_the_end_may_bring_the_full_stop() -> None:
    message = 'Usage of EmptyDir volume "v" exceeds the limit "1Mi".'
    told = explain(
        WEB,
        [
            a_start(0),
            PodEvicted(at=at(2), pod=WEB, message=message),
            a_kill(KillCause.EVICTED, "Stopping container app", seconds=2),
            an_exit(0, KillCause.EVICTED, seconds=3),
        ],
    )
    assert [link.text for link in told.facts] == [f"evicted: {message}"]
    assert (
        told.containers[0]
        .ends[0]
        .text.startswith(
            f"Container app was stopped because the pod was evicted: {message} It was asked to stop"
        )
    )


def test_a_back_off_after_a_start_that_failed_counts_from_the_attempt() -> None:
    end = play(a_document(), {"app": cannot("no such file")}, 15).newest_end()
    assert end.text.endswith("The next start waits in back-off, 20s from this attempt.")
    assert end.chain[-1].text.startswith("back-off 20s from this attempt, until ")


def test_a_start_is_told_when_it_was_and_not_when_it_was_known() -> None:
    (container,) = explain(WEB, [a_start(2), an_exit(0, seconds=3, ran=2.5)]).containers
    assert [link.at for link in container.ends[0].chain] == [at(0.5), at(3)]


def test_a_start_has_one_time_wherever_it_is_told() -> None:
    again = replace(a_start(2, restart_count=1), container_id="process://b")
    ended = replace(an_exit(0, seconds=3, ran=1.5), container_id="process://b", restart_count=1)
    (container,) = explain(WEB, [a_start(0), an_exit(1, seconds=1), again, ended]).containers
    newest, first = container.ends
    assert (newest.chain[0].at, first.chain[-1].at) == (at(1.5), at(1.5))


def test_what_ends_after_a_crash_of_the_daemon_is_told_with_it() -> None:
    (container,) = explain(
        WEB, [a_start(0), PodAdopted(at=at(5), pod=WEB), adopted(5), an_exit(1, seconds=9)]
    ).containers
    assert [link.text for link in container.ends[0].chain] == [
        "started (pid 7)",
        "a new daemon took it over as it ran (pid 7)",
        "ended after 3.2s: exit 1",
    ]


def test_a_supervisor_that_was_killed_too() -> None:
    exited = an_exit(137, reason="ContainerStatusUnknown", survivors=("12 sleep",), seconds=5)
    (container,) = explain(WEB, [a_start(0), exited]).containers
    end = container.ends[0]
    assert end.cause == "Unknown"
    assert end.text == (
        "Container app ended in a way that nobody saw: its supervisor was gone as well."
    )
    assert end.chain[-1].text == "killed what it had left behind: 12 sleep"


def test_what_runs_again_after_a_boot_was_not_started_by_a_policy() -> None:  # L-94
    done = an_exit(0, reason="Completed", seconds=3)
    boot = PodAdopted(at=at(60), pod=WEB, same_boot=False)
    again = ContainerCreated(
        **of_app(61), container_id="process://2", restart_count=1, argv=("a",), command_source="m"
    )
    (container,) = explain(WEB, [a_start(0), done, boot, again]).containers
    assert container.ends[0].text == (
        "Container app ended by itself after 3.2s with exit code 0. "
        "The host was started again, and the pod began anew (restart 1)."
    )


def test_steps_stay_in_their_order_when_clocks_disagree() -> None:
    """The end has the time of the kernel, the step that of the daemon, which heard of it later."""
    killed = StopStep(**of_app(9.006), container_id=ID, step="KILL", seconds=2)
    exited = an_exit(137, KillCause.DELETED, signal=9, seconds=9)
    (container,) = explain(WEB, [a_start(0), a_kill(KillCause.DELETED), killed, exited]).containers
    assert [link.text.partition(" ")[0] for link in container.ends[0].chain] == [
        "started",
        "asked",
        "SIGKILL:",
        "ended",
    ]


def test_a_journal_that_begins_in_the_middle() -> None:
    """The oldest records go first."""
    exited = ContainerExited(
        **of_app(3),
        container_id=ID,
        restart_count=4,
        exit_code=1,
        signal=None,
        reason="Error",
        message="",
        ran_seconds=7,
        cause=None,
    )
    created = ContainerCreated(
        **of_app(4), container_id="process://6", restart_count=5, argv=("a",), command_source="m"
    )
    (container,) = explain(WEB, [exited, created]).containers
    assert container.ends[0].restart == 5
    assert container.ends[0].text.startswith("Container app ended by itself after 7s")


def test_a_flap_leaves_only_the_failures_after_the_last_success() -> None:
    app = App(health=HealthScript(fail_after=6, fail_for=6))
    course = play(a_document(live(HTTP, periodSeconds=1, failureThreshold=9)), {"app": app}, 30)
    (container,) = course.explain().containers
    assert (container.ends, container.chain) == ((), ())
