"""The exec probe: does a command in the container succeed (P-340 … P-349)?

Upstream: kubernetes pkg/probe/exec, and the runtime's ExecSync. Differs: `$(NAME)` is expanded from
the whole resolved environment (B-22); output of a command that was too slow is shown (B-9).
"""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import ExecAction
from minikubelet.pod.commands import OUTPUT_LIMIT, CommandRunner, ExecError, ExecResult
from minikubelet.pod.durations import go_duration
from minikubelet.pod.expansion import expand
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.trace import CommandEnded, CommandRun, Trace


async def probe_exec(
    action: ExecAction,
    container_id: str,
    environment: Mapping[str, str],
    timeout_seconds: float,
    runner: CommandRunner,
    trace: Trace | None = None,
) -> ProbeResult:
    argv = tuple(expand(word, environment) for word in action.command)
    if trace is not None:
        trace.note(CommandRun(argv))
    try:
        result = await runner.exec(
            container_id, argv, timeout=timeout_seconds, output_limit=OUTPUT_LIMIT
        )
    except ExecError as error:
        return ProbeResult(Outcome.UNKNOWN, error=str(error))
    if trace is not None:
        trace.note(CommandEnded(result))
    return exec_result(argv, timeout_seconds, result)


def exec_result(argv: tuple[str, ...], timeout_seconds: float, result: ExecResult) -> ProbeResult:
    """What a command's end means for the probe."""
    output = (result.stdout + result.stderr)[:OUTPUT_LIMIT].decode(errors="replace")
    if result.timed_out:
        command, limit = go_quote(" ".join(argv)), go_duration(timeout_seconds)
        text = f"command timed out: {command} timed out after {limit}"
        return ProbeResult(Outcome.FAILURE, text, detail=_timing(result, output))
    if result.exit_code == 0:
        return ProbeResult(Outcome.SUCCESS, output)
    return ProbeResult(Outcome.FAILURE, output, detail=f"exit code {result.exit_code}")


def _timing(result: ExecResult, output: str) -> str:
    """Where the time went (B-26), and what was said until then (B-9)."""
    spawn, run = result.spawn_seconds * 1000, result.run_seconds * 1000
    timing = f"spawned in {spawn:.0f} ms, killed after {run:.0f} ms"
    return f"{timing}; output so far: {output}" if output else f"{timing}; no output"
