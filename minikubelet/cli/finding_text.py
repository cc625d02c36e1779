"""Findings as text for people. Pure.

    pod.yaml:17: spec.livenessProbe: unknown field
        fix: it belongs in spec.containers[…]

Role: one finding in one or two lines; what a manifest contains cannot disturb the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minikubelet.cli import colors
from minikubelet.manifest.findings import Finding, Severity

_INDENT = "    "


def finding_lines(finding: Finding, *, color: bool) -> list[str]:
    """The finding, and below it how to put it right."""
    line = colors.printable(str(replace(finding, fix="")))
    lines = [line]
    if finding.fix:
        lines.append(f"{_INDENT}fix: {colors.printable(finding.fix)}")
    if not color:
        return lines
    tone = colors.YELLOW if finding.severity is Severity.WARNING else colors.RED
    return [f"{tone}{lines[0]}{colors.RESET}", *lines[1:]]


def count_text(findings: Sequence[Finding]) -> str:
    """`2 errors, 1 warning`; `no findings` for none."""
    if not findings:
        return "no findings"
    warnings = sum(finding.severity is Severity.WARNING for finding in findings)
    counts = ((len(findings) - warnings, "error"), (warnings, "warning"))
    return ", ".join(
        f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts if count
    )
