"""`minikubelet plan`: what will happen to a Pod, and when, computed and not run.

Role: arguments, files, the plan or what changed in it, as text or JSON.
Exit codes: 0 planned; 1 with `--strict` and findings; 2 usage, or a file that cannot be read; 14
bad manifests.

With `-o json` one document is printed:

    {"pods": [{"namespace": "default", "name": "web", "restartPolicy": "Always",
               "ready": SPAN, "stopped": SPAN, "gracePeriodSeconds": 30.0,
               "backOffSeconds": [0.0, 10.0, 20.0, …],
               "containers": [{"name": "app", "init": false, "sidecar": false,
                               "starts": SPAN, "ready": SPAN, "detectsFailure": SPAN,
                               "goneAfterKill": SPAN, "readyAgain": SPAN,
                               "readyAgainAfterBackOff": SPAN,
                               "probes": {"livenessProbe": {
                                   "firstAttempt": SPAN, "every": SPAN, "passes": SPAN,
                                   "givesUp": SPAN, "detectsFailure": SPAN, "detectsHang": SPAN,
                                   "recovers": SPAN}},
                               "stop": {"preStop": SPAN, "stopSignal": SPAN, "kill": SPAN,
                                        "waitsFor": []}}]}],
     "findings": [{"rule": "MK103", "file": "pod.yaml", "line": 17, "path": "spec…",
                   "message": "…", "timeline": [{"seconds": 0.0, "what": "…"}], "fix": "…"}]}

With OLD and NEW, `findings` are those of NEW and `pods` are
`{"namespace", "name", "changes": [{"container", "part", "figure", "old": SPAN, "new": SPAN}]}`.
SPAN is `{"earliest": 2.0, "latest": 3.0}` in seconds, `latest` null where nothing bounds it; or
null where there is no such figure. What the figures mean is told by the fields of the same name in
`plan/probe_plan.py`, `plan/pod_plan.py` and `plan/stop_plan.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence

from minikubelet.cli.colors import use_color
from minikubelet.cli.finding_text import count_text, finding_lines
from minikubelet.cli.inputs import NOBODY, read_inputs
from minikubelet.cli.plan_text import change_lines, finding_text, plan_lines
from minikubelet.manifest.admit import Admitted, admit
from minikubelet.manifest.findings import Position, Positions, has_errors
from minikubelet.manifest.names import generated_name
from minikubelet.manifest.read import ReadResult, read_manifest
from minikubelet.plan.document import change_document, finding_document, plan_document
from minikubelet.plan.figures import changes
from minikubelet.plan.finding import PlanFinding
from minikubelet.plan.pod_plan import PodPlan, plan_pod
from minikubelet.plan.rules import find_harm
from minikubelet.value_class import dataclass

GOOD = 0
FOUND = 1
USAGE = 2
BAD_MANIFEST = 14

_EPILOG = """\
examples:
  minikubelet plan pod.yaml                 when its probes run, when it is Ready, killed, back
  minikubelet plan old.yaml new.yaml        what a change does to these times, for a pull request
  minikubelet plan -f web.yaml -f db.yaml   the Pods of several files, or of directories
  minikubelet plan --strict pod.yaml        for CI: exit code 1 when something is found

Times are bounds: 2s…6s is at least 2 and at most 6 seconds, ∞ depends on the app alone. They hold
while the machine is not overloaded.
  STARTS                  after the start of the Pod, when nothing fails
  READY AFTER             after the start of its process, when its probes pass: the startup probe
                          at any of its attempts, the readiness probe from the first on
  FAILURE TO KILL         from a failure or hang of the app to the kill by the liveness probe
  KILL TO GONE            from the kill to the end of the process
  FAILURE TO READY AGAIN  from the failure to Ready after the first restart; WITH BACK-OFF: after
                          later ones, which wait 10s, 20s, 40s … 5m
  FIRST, PASSES, GIVES UP after the start of the process: the first attempt; the success that
                          counts; the kill of a container that never passes
  SEES FAILURE, SEES HANG from the moment at which the app fails at once, or no longer answers, to
                          the failure that counts; RECOVERS: from the end of that to Ready
  TERM, KILL              after the Pod is deleted; KILL for containers that ignore TERM

Findings have rule ids, and the timeline that shows the harm. Exit code: 0; 1 with --strict and
findings; 2 usage, or a file that cannot be read; 14 bad manifests."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """The plans of one input."""

    plans: Mapping[tuple[str, str], PodPlan]
    findings: tuple[tuple[PlanFinding, Position], ...]


class _InputError(Exception):
    """The input cannot be planned; what is wrong was told. `code` is the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "plan",
        help="what will happen to a Pod and when, without running it",
        description="Compute when the probes of a Pod run, and how long it takes to be Ready,\n"
        "to notice that it hangs, to be killed, to be back, and to stop.",
        usage="minikubelet plan [options] FILE\n"
        "       minikubelet plan [options] OLD NEW\n"
        "       minikubelet plan [options] -f FILE [-f FILE …]",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="one: a manifest, a directory of them, or - for stdin; two: compare OLD with NEW",
    )
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        default=[],
        metavar="FILE",
        help="plan this too; may be repeated, for Pods of several files",
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="how to tell (text)"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 when something is found")
    parser.add_argument("--no-color", action="store_true", help="no colors on a terminal")


def run(args: argparse.Namespace) -> int:
    """Print the plan, or what changes; the answer is the exit code."""
    mistake = _mistake(args.files, args.filename)
    if mistake:
        print(f"error: {mistake}", file=sys.stderr)
        return USAGE
    try:
        if len(args.files) == 2:
            return _compare(args)
        return _plan(args)
    except _InputError as error:
        return error.code


def _mistake(files: Sequence[str], named: Sequence[str]) -> str:
    """What is wrong with the choice of files; empty for nothing."""
    if not files and not named:
        return "name a manifest: minikubelet plan pod.yaml"
    if files and named:
        return "give files either with -f or without: -f plans them all, two without are compared"
    if len(files) > 2:
        return "one FILE is planned, two are compared (OLD NEW); for several: -f A -f B -f C"
    if len(files) == 2:
        for file in files:
            if os.path.isdir(file):
                return f"{file} is a directory: two files are compared; to plan both: -f A -f B"
        if files[0] == files[1] == "-":
            return "only one of OLD and NEW can be standard input"
    return ""


def _plan(args: argparse.Namespace) -> int:
    planned = _read([*args.files, *args.filename], no_color=args.no_color)
    if args.output == "json":
        pods = [plan_document(plan) for plan in planned.plans.values()]
        _print_json(pods, planned)
    else:
        for number, plan in enumerate(planned.plans.values()):
            if number:
                print()
            print("\n".join(plan_lines(plan)))
        _print_findings(planned, no_color=args.no_color)
    return _code(args, planned)


def _compare(args: argparse.Namespace) -> int:
    old, new = (_read([file], no_color=args.no_color) for file in args.files)
    if set(old.plans) != set(new.plans):
        names = [", ".join(name for _, name in each.plans) for each in (old, new)]
        print(
            f"error: two files are compared, and must have the same Pods: {args.files[0]} has "
            f"{names[0]}, {args.files[1]} has {names[1]}; to plan both: -f A -f B",
            file=sys.stderr,
        )
        return USAGE
    changed = {key: changes(old.plans[key], plan) for key, plan in new.plans.items()}
    if args.output == "json":
        pods: list[dict[str, object]] = [
            {
                "namespace": namespace,
                "name": name,
                "changes": [change_document(change) for change in found],
            }
            for (namespace, name), found in changed.items()
        ]
        _print_json(pods, new)
    else:
        for (_, name), found in changed.items():
            print("\n".join(change_lines(name, found)))
        _print_findings(new, no_color=args.no_color)
    return _code(args, new)


def _read(files: Sequence[str], *, no_color: bool) -> _Planned:
    """Raises _InputError after telling why."""
    inputs = read_inputs(files, sys.stdin.buffer)
    results = [read_manifest(text.text, text.file) for text in inputs.texts]
    admitted = admit(results, NOBODY)
    findings = (*inputs.findings, *admitted.findings)
    color = use_color(is_terminal=sys.stderr.isatty(), no_color=no_color, environ=os.environ)
    for finding in findings:
        for line in finding_lines(finding, color=color):
            print(line, file=sys.stderr)
    if inputs.findings:
        raise _InputError(USAGE)
    if has_errors(findings):
        print(f"{count_text(findings)}: nothing was planned", file=sys.stderr)
        raise _InputError(BAD_MANIFEST)
    if not admitted.pods:
        print("error: no Pod in the input: there is nothing to plan", file=sys.stderr)
        raise _InputError(BAD_MANIFEST)
    return _planned(results, admitted)


def _planned(results: Sequence[ReadResult], admitted: Admitted) -> _Planned:
    places = _places(results)
    plans: dict[tuple[str, str], PodPlan] = {}
    found: list[tuple[PlanFinding, Position]] = []
    for manifest in admitted.pods:
        meta = manifest.pod.metadata
        key = (meta.namespace, meta.name)
        plans[key] = plan = plan_pod(manifest.pod)
        found += [
            (finding, places[key].at(finding.harm.path))
            for finding in find_harm(manifest.pod, plan, _has_program)
        ]
    return _Planned(plans, tuple(found))


def _places(results: Sequence[ReadResult]) -> Mapping[tuple[str, str], Positions]:
    """Where the fields of each Pod stand; admission has made the names unique."""
    places: dict[tuple[str, str], Positions] = {}
    for manifest in (manifest for result in results for manifest in result.objects):
        if manifest.kind == "Pod":
            meta = manifest.document.get("metadata") or {}
            prefix = meta.get("generateName") or ""
            name = meta.get("name") or generated_name(prefix, NOBODY.name_suffix())
            places[meta.get("namespace") or "default", name] = manifest.positions
    return places


def _has_program(program: str) -> bool:
    if "/" in program:
        return os.access(program, os.X_OK)
    directories = os.get_exec_path()
    return any(os.access(os.path.join(directory, program), os.X_OK) for directory in directories)


def _print_findings(planned: _Planned, *, no_color: bool) -> None:
    color = use_color(is_terminal=sys.stdout.isatty(), no_color=no_color, environ=os.environ)
    for finding, position in planned.findings:
        print()
        print("\n".join(finding_text(finding, position.file, position.line, color=color)))


def _print_json(pods: list[dict[str, object]], planned: _Planned) -> None:
    findings = [
        finding_document(finding, position.file, position.line)
        for finding, position in planned.findings
    ]
    print(json.dumps({"pods": pods, "findings": findings}, ensure_ascii=False, indent=2))


def _code(args: argparse.Namespace, planned: _Planned) -> int:
    return FOUND if args.strict and planned.findings else GOOD
