"""The result of a check for GitHub Actions: annotations, and a job summary in Markdown. Pure.

Upstream: the workflow commands `::error` and `::notice`, and the file that GITHUB_STEP_SUMMARY
names.
"""

from __future__ import annotations

from minikubelet.check.cases import CaseResult, Suite
from minikubelet.check.result import CheckResult, evidence_lines, verdict_line
from minikubelet.manifest.findings import Finding
from minikubelet.pod.wording import brief

_MARKS = {
    CaseResult.PASSED: "✅",
    CaseResult.FAILED: "❌",
    CaseResult.SKIPPED: "⏭️",
}


def annotation(result: CheckResult) -> str:
    """One workflow command, on one line."""
    failure = result.failure
    if failure is None:
        return f"::notice title=minikubelet check::{_data(verdict_line(result))}"
    title = f"{failure.subject}: {failure.code.title}" if failure.subject else failure.code.title
    text = "\n".join((verdict_line(result), *evidence_lines(result)))
    return f"::error title={_property(title)}::{_data(text)}"


def finding_annotation(finding: Finding) -> str:
    """A workflow command that marks the line of the manifest."""
    places = {"file": finding.file, "line": finding.line, "col": finding.column}
    given = [f"{name}={_property(str(place))}" for name, place in places.items() if place]
    said = f"{finding.path}: {finding.message}" if str(finding.path) else finding.message
    fix = f"\nfix: {finding.fix}" if finding.fix else ""
    return f"::{finding.severity} {','.join(given)}::{_data(said + fix)}"


def summary_markdown(result: CheckResult) -> str:
    """The section of this check; several checks of one step follow each other."""
    mark = _MARKS[CaseResult.FAILED if result.failure else CaseResult.PASSED]
    lines = [f"### {mark} minikubelet check", "", _inline(verdict_line(result)), ""]
    evidence = evidence_lines(result)
    if evidence:
        fence = _fence(evidence)
        lines += [f"{fence}text", *evidence, fence, ""]
    for suite in result.suites:
        lines += _table(suite)
    lines += [f"- {_inline(note)}" for note in result.notes]
    return "\n".join(lines).rstrip() + "\n"


def _table(suite: Suite) -> list[str]:
    rows = [
        f"| {_MARKS[case.result]} | {_inline(case.name)} | {_took(case.seconds)} |"
        for case in suite.cases
    ]
    return [f"| | {_inline(suite.name)} | took |", "| --- | --- | ---: |", *rows, ""]


def _took(seconds: float) -> str:
    return brief(seconds) if seconds else ""


def _inline(text: str) -> str:
    """Without a meaning in Markdown or HTML, on one line."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#~" else char for char in text)


def _fence(lines: list[str]) -> str:
    """Longer than any run of backticks in the lines."""
    fence = "```"
    while any(fence in line for line in lines):
        fence += "`"
    return fence


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
