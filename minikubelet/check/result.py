"""The result of a check as every report shows it, and as text and JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from minikubelet.check.cases import Suite
from minikubelet.check.verdict import ExitCode, Failure
from minikubelet.pod.wording import brief
from minikubelet.value_class import dataclass

LogTails = Mapping[str, Sequence[str]]
"""The last lines of each container that the failure concerns, by `pod/container`."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    code: ExitCode
    failure: Failure | None
    suites: tuple[Suite, ...]
    began_at: datetime
    ended_at: datetime
    log_tails: LogTails
    notes: tuple[str, ...] = ()
    """What did not decide, but should be known."""
    command_status: int | None = None

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.began_at).total_seconds()


def verdict_line(result: CheckResult) -> str:
    """`PASSED`, or `FAILED (exit 11, crash loop): web/app: …`."""
    if result.failure is None:
        return f"PASSED in {brief(result.seconds)}"
    code = result.failure.code
    return f"FAILED (exit {code:d}, {code.title}): {result.failure.sentence}"


def evidence_lines(result: CheckResult) -> list[str]:
    """What supports the verdict: probe outputs, then the last log lines."""
    if result.failure is None:
        return []
    lines = list(result.failure.evidence)
    for container, tail in result.log_tails.items():
        if tail:
            lines += [f"last log lines of {container}:", *(f"  {line}" for line in tail)]
        else:
            lines.append(f"{container} wrote no log line")
    return lines


def verdict_object(result: CheckResult) -> dict[str, Any]:
    """The last object of `-o json`, as `run_output.schema.json` has it."""
    out: dict[str, Any] = {
        "type": "verdict",
        "time": result.ended_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "exitCode": int(result.code),
        "verdict": result.code.title,
        "milliseconds": round(result.seconds * 1000),
    }
    if result.command_status is not None:
        out["commandStatus"] = result.command_status
    failure = result.failure
    if failure is not None:
        out["cause"] = failure.cause
        if failure.pod is not None:
            out["pod"] = {
                "namespace": failure.pod.namespace,
                "name": failure.pod.name,
                "uid": failure.pod.uid,
            }
        if failure.container:
            out["container"] = failure.container
        out["evidence"] = list(failure.evidence)
        out["logTails"] = [
            {"container": container, "lines": list(lines)}
            for container, lines in result.log_tails.items()
        ]
    if result.notes:
        out["notes"] = list(result.notes)
    out["suites"] = [
        {
            "name": suite.name,
            "cases": [
                {
                    "name": case.name,
                    "result": case.result,
                    "milliseconds": round(case.seconds * 1000),
                }
                for case in suite.cases
            ],
        }
        for suite in result.suites
    ]
    return out
