"""Exec probes (P-340 … P-349, TV-31, TV-33)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from minikubelet.manifest.pod import ExecAction
from minikubelet.pod.commands import ExecError, ExecResult
from minikubelet.probes.exec import probe_exec
from minikubelet.probes.result import Outcome, ProbeResult


def exited(exit_code: int = 0, stdout: bytes = b"", stderr: bytes = b"") -> ExecResult:
    return ExecResult(exit_code, stdout, stderr, False, 0.003, 0.02)


def timed_out(stdout: bytes = b"") -> ExecResult:
    return ExecResult(None, stdout, b"", True, 0.003, 1.002)


class FakeExec:
    """Runs nothing; notes the calls and gives one answer."""

    def __init__(self, answer: ExecResult | ExecError) -> None:
        self.calls: list[tuple[str, tuple[str, ...], float | None, int]] = []
        self._answer = answer

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> ExecResult:
        assert env is None  # P-342: the container's own
        self.calls.append((container_id, tuple(argv), timeout, output_limit))
        if isinstance(self._answer, ExecError):
            raise self._answer
        return self._answer


async def probe(
    answer: ExecResult | ExecError, *command: str, timeout: int = 1, **environment: str
) -> tuple[ProbeResult, FakeExec]:
    runner = FakeExec(answer)
    action = ExecAction(command or ("check",))
    return await probe_exec(action, "c1", environment, timeout, runner), runner


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        pytest.param(
            exited(stdout=b"fine\n"), ProbeResult(Outcome.SUCCESS, "fine\n"), id="P-343: exit 0"
        ),
        pytest.param(
            exited(stdout=b"x" * 11264),
            ProbeResult(Outcome.SUCCESS, "x" * 10240),
            id="TV-33: the first 10240 bytes",
        ),
        pytest.param(
            exited(1, b"out\n", b"err\n"),
            ProbeResult(Outcome.FAILURE, "out\nerr\n", detail="exit code 1"),
            id="P-343: standard output, then standard error",
        ),
        pytest.param(
            exited(1, b"o" * 10000, b"e" * 10000),
            ProbeResult(Outcome.FAILURE, "o" * 10000 + "e" * 240, detail="exit code 1"),
            id="P-343: one limit for both",
        ),
        pytest.param(
            exited(137),
            ProbeResult(Outcome.FAILURE, "", detail="exit code 137"),
            id="P-344: killed",
        ),
        pytest.param(
            exited(1, b"\xff"),
            ProbeResult(Outcome.FAILURE, "\ufffd", detail="exit code 1"),
            id="output that is no text",
        ),
    ],
)
async def test_ends(ended: ExecResult, expected: ProbeResult) -> None:
    result, runner = await probe(ended)
    assert result == expected
    assert runner.calls == [("c1", ("check",), 1, 10240)]


@pytest.mark.parametrize(
    ("seconds", "stdout", "output", "detail"),
    [
        pytest.param(
            1, b"",
            'command timed out: "sh -c sleep \\"5\\"" timed out after 1s',
            "spawned in 3 ms, killed after 1002 ms; no output",
            id="P-345, B-26",
        ),
        pytest.param(
            90, b"almost",
            'command timed out: "sh -c sleep \\"5\\"" timed out after 1m30s',
            "spawned in 3 ms, killed after 1002 ms; output so far: almost",
            id="B-9: with the output until then",
        ),
    ],
)  # fmt: skip
async def test_times_out(seconds: int, stdout: bytes, output: str, detail: str) -> None:
    result, _ = await probe(timed_out(stdout), "sh", "-c", 'sleep "5"', timeout=seconds)
    assert result == ProbeResult(Outcome.FAILURE, output, detail=detail)


async def test_a_missing_executable_is_an_error() -> None:  # P-347, B-25
    text = 'exec: "nope": executable file not found in $PATH'
    result, _ = await probe(ExecError(text), "nope")
    assert result == ProbeResult(Outcome.UNKNOWN, error=text)


async def test_expands_references_to_the_environment() -> None:  # TV-31, P-341, B-22
    _, runner = await probe(exited(), "/bin/bash", "-c", "some $(A) $(B)", "$$(A)", A="script")
    assert runner.calls[0][1] == ("/bin/bash", "-c", "some script $(B)", "$(A)")
