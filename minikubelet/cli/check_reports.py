"""What a check leaves for others to read: the last lines of its output, and report files."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from minikubelet.check.result import CheckResult, evidence_lines, verdict_line, verdict_object
from minikubelet.cli import colors
from minikubelet.cli.check_output import CheckOutput
from minikubelet.journal import PodRef
from minikubelet.manifest.findings import Finding
from minikubelet.manifest.pod import Pod

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def tell(args: argparse.Namespace, result: CheckResult) -> None:
    """The verdict on standard output."""
    if args.output == "json":
        print(json.dumps(verdict_object(result), ensure_ascii=False, separators=(",", ":")))
        return
    is_terminal = sys.stdout.isatty()
    color = colors.use_color(is_terminal=is_terminal, no_color=args.no_color, environ=os.environ)
    head = verdict_line(result)
    lines = [*(f"note: {note}" for note in result.notes), *evidence_lines(result)]
    if is_terminal:
        head, *lines = [colors.printable(line) for line in (head, *lines)]
    if color:
        tone = colors.RED if result.failure else colors.GREEN
        head = f"{colors.BOLD}{tone}{head}{colors.RESET}"
    text = "\n".join([head, *(f"    {line}" for line in lines)])
    sys.stdout.buffer.write(f"{text}\n".encode(errors="backslashreplace"))
    sys.stdout.flush()
    if args.output == "github":
        from minikubelet.check.github import annotation

        print(annotation(result))


def annotate(finding: Finding) -> None:
    """Mark the line of the manifest in GitHub's view of the change."""
    from minikubelet.check.github import finding_annotation

    print(finding_annotation(finding), flush=True)


def missing_directories(args: argparse.Namespace) -> list[str]:
    """Told before anything is started: a check whose report is lost would have run in vain."""
    options = (("--junit", args.junit), ("--report", args.report))
    return [
        f"{option} {path}: there is no directory {path.parent}"
        for option, path in options
        if path is not None and not path.parent.is_dir()
    ]


def reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def write_reports(
    args: argparse.Namespace, result: CheckResult, pods: Sequence[Pod], output: CheckOutput
) -> list[str]:
    """Write the files that were asked for; the answer is what could not be written."""
    problems = []
    for path, text, append in _reports(args, result, pods, output):
        try:
            with path.open("ab" if append else "wb") as file:
                file.write(text)
        except OSError as error:
            problems.append(f"cannot write {path}: {reason(error)}")
    return problems


def _reports(
    args: argparse.Namespace, result: CheckResult, pods: Sequence[Pod], output: CheckOutput
) -> Iterator[tuple[Path, bytes, bool]]:
    """Path, content, and whether it is appended. Each format is imported when it is wanted."""
    if args.junit is not None:
        from minikubelet.check.junit import junit_xml

        yield args.junit, junit_xml(result), False
    if args.report is not None:
        from minikubelet.check.report import LogLine, report_html

        logs = {
            (ref, container.name): [
                LogLine(entry.time, entry.stream, entry.text.decode(errors="replace"))
                for entry in output.log_entries(ref, container.name)
            ]
            for pod in pods
            for ref in (PodRef.of(pod.metadata),)
            for container in pod.containers()
        }
        html = report_html(result, pods, output.records, logs)
        yield args.report, html.encode(errors="backslashreplace"), False
    if args.output == "github" and os.environ.get(SUMMARY_VARIABLE):
        from minikubelet.check.github import summary_markdown

        text = summary_markdown(result).encode(errors="backslashreplace")
        yield Path(os.environ[SUMMARY_VARIABLE]), text, True
