"""`minikubelet validate`: every finding about manifests, before anything runs.

Role: arguments, files, the list of findings as text or JSON. Findings go to standard output: they
are what was asked for.
Exit codes: 0 good, warnings allowed; 14 errors; 2 usage, or a file that cannot be read.

With `-o json` one document is printed:

    {"findings": [{"file": "pod.yaml", "line": 17, "column": 3, "severity": "error",
                   "path": "spec.containers[0].image", "message": "Required value",
                   "fix": "", "upstream": "spec.containers[0].image: Required value"}],
     "errors": 1, "warnings": 0,
     "objects": [{"kind": "Pod", "namespace": "default", "name": "web"}]}

`severity` is `error` or `warning`; line and column are 0 where there is no place; `upstream` is the
line that Kubernetes itself would print, or empty; `objects` are those without errors.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from minikubelet.cli.colors import use_color
from minikubelet.cli.finding_text import count_text, finding_lines
from minikubelet.cli.inputs import NOBODY, read_inputs
from minikubelet.manifest.admit import Admitted, admit
from minikubelet.manifest.findings import Finding, Severity, has_errors
from minikubelet.manifest.read import read_manifest

GOOD = 0
USAGE = 2
BAD_MANIFEST = 14

_EPILOG = """\
examples:
  minikubelet validate pod.yaml            every finding, with its line and how to put it right
  minikubelet validate manifests/          every *.yaml, *.yml and *.json of a directory
  kubectl get pod web -o yaml | minikubelet validate -
  minikubelet validate -o json pod.yaml | jq -r '.findings[].message'

Errors are what Kubernetes would refuse, in its own words, and fields that must not be left out.
Warnings are fields that have no effect here. Exit code: 0 without errors, 14 with errors, 2 when a
file cannot be read."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "validate",
        help="check manifests and print every finding",
        description="Check manifests as Kubernetes would, and say which fields have no effect.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a manifest, a directory of them, or - for stdin"
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="how to tell (text)"
    )
    parser.add_argument("--no-color", action="store_true", help="no colors on a terminal")


def run(args: argparse.Namespace) -> int:
    """Print what is found; the answer is the exit code."""
    inputs = read_inputs(args.files, sys.stdin.buffer)
    admitted = admit([read_manifest(text.text, text.file) for text in inputs.texts], NOBODY)
    findings = (*inputs.findings, *admitted.findings)
    if args.output == "json":
        print(json.dumps(_report(findings, admitted), ensure_ascii=False, indent=2))
    else:
        color = use_color(
            is_terminal=sys.stdout.isatty(), no_color=args.no_color, environ=os.environ
        )
        _print_text(findings, admitted, color=color)
    if inputs.findings:
        return USAGE
    return BAD_MANIFEST if has_errors(findings) else GOOD


def _print_text(findings: tuple[Finding, ...], admitted: Admitted, *, color: bool) -> None:
    for finding in findings:
        for line in finding_lines(finding, color=color):
            print(line)
    kinds = [kind for kind, _, _ in _objects(admitted)]
    good = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    print(f"{count_text(findings)}; good: {good or 'nothing'}")


def _report(findings: tuple[Finding, ...], admitted: Admitted) -> dict[str, Any]:
    warnings = sum(finding.severity is Severity.WARNING for finding in findings)
    return {
        "findings": [
            {
                "file": finding.file,
                "line": finding.line,
                "column": finding.column,
                "severity": finding.severity,
                "path": str(finding.path),
                "message": finding.message,
                "fix": finding.fix,
                "upstream": finding.upstream,
            }
            for finding in findings
        ],
        "errors": len(findings) - warnings,
        "warnings": warnings,
        "objects": [
            {"kind": kind, "namespace": namespace, "name": name}
            for kind, namespace, name in _objects(admitted)
        ],
    }


def _objects(admitted: Admitted) -> list[tuple[str, str, str]]:
    groups = (
        ("Pod", [manifest.pod.metadata for manifest in admitted.pods]),
        ("ConfigMap", [config_map.metadata for config_map in admitted.config_maps]),
        ("Secret", [secret.metadata for secret in admitted.secrets]),
    )
    return [(kind, meta.namespace, meta.name) for kind, metas in groups for meta in metas]
