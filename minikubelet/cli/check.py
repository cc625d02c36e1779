"""`minikubelet check`: a verdict on the Pods of manifests, for CI.

Role: arguments, manifests, the run's directory, the reports; the life of the check is in
`check_session.py`. Exit codes: `check/verdict.py`, and 2 for usage.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from minikubelet.check.budget import default_soak, startup_budget
from minikubelet.check.progress import Goal, default_goal
from minikubelet.check.redact import Redactor
from minikubelet.check.verdict import ExitCode
from minikubelet.cli.check_logs import keep_logs
from minikubelet.cli.check_output import CheckOutput
from minikubelet.cli.check_reports import annotate, missing_directories, reason, tell, write_reports
from minikubelet.cli.check_session import CheckPlan, CheckSession
from minikubelet.cli.pod_options import (
    USAGE,
    PodInput,
    add_pod_options,
    load_pods,
    node_for,
    output_for,
)
from minikubelet.cli.run_api import RunApi
from minikubelet.cli.run_dir import layout_of, run_directory
from minikubelet.durations import duration
from minikubelet.manifest.pod import Pod

TAKES_COMMAND = True
"""What follows `--` is `args.command_line`."""
NOBODY_READS = 141

_EPILOG = """\
examples:
  minikubelet check pod.yaml                    does it become Ready, and stop cleanly?
  minikubelet check pod.yaml --soak 10s         and does it stay so for ten seconds?
  minikubelet check pod.yaml -- pytest -q       and do the tests pass while it is up?
  minikubelet check job.yaml                    does it succeed? (restartPolicy Never, OnFailure)
  minikubelet check *.yaml --junit out.xml --report out.html --keep-logs logs

The command finds these variables:
  MINIKUBELET_PODS      names of the Pods, with spaces between them
  MINIKUBELET_POD_IP    their address
  MINIKUBELET_LOG_DIR   their logs: <namespace>_<pod>_<uid>/<container>/<restart>.log
  MINIKUBELET_PORT_<POD>_<CONTAINER>_<PORT>
                        each declared port; <PORT> is its name, or its number without one

exit codes:
  0 all well                         14 bad manifest, nothing was started
  10 a Pod was never ready: not in   15 a Pod did not succeed in time
     time, or it cannot start        16 the command failed
  11 crash loop: more restarts than  17 unclean stop: SIGKILL was needed, a preStop hook
     --max-restarts                     failed, or something is left
  12 became unready in the soak      70 internal error
  13 killed by a liveness or         2 usage, 130 interrupted
     startup probe"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "check",
        help="start the Pods, wait, run a command, stop: a verdict for CI",
        usage="minikubelet check FILE… [options] [-- COMMAND…]",
        description="Start the Pods, wait until they are Ready (or have succeeded), watch them,\n"
        "run a command, stop everything, and say what went wrong.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_pod_options(parser)
    parser.add_argument(
        "--for",
        dest="goal",
        choices=[goal.value for goal in Goal],
        help="what to wait for (by restartPolicy)",
    )
    parser.add_argument(
        "--timeout", type=duration, metavar="D", help="how long to wait (from the probes)"
    )
    parser.add_argument(
        "--soak",
        type=duration,
        metavar="D",
        help="then watch for so long (0; 2s if a container has no probe that proves it ready)",
    )
    parser.add_argument(
        "--max-restarts", type=_count, metavar="N", default=0, help="restarts that are fine (0)"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML there")
    parser.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write the timeline there, as one page"
    )
    parser.add_argument("--keep-logs", type=Path, metavar="DIR", help="copy the logs there")
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "json", "github"),
        default="text",
        help="how to tell (text)",
    )


def run(args: argparse.Namespace) -> int:
    """Check the Pods; the answer is the exit code."""
    if args.command_line == []:
        print("error: there is no command after --", file=sys.stderr)
        return USAGE
    if missing := missing_directories(args):
        for problem in missing:
            print(f"error: {problem}", file=sys.stderr)
        return USAGE
    github = args.output == "github"
    given = load_pods(args, on_finding=annotate) if github else load_pods(args)
    if isinstance(given, int):
        return given
    redactor = Redactor(given.admitted.secrets)
    with run_directory() as path:
        return asyncio.run(_run(args, given, redactor, path))


async def _run(args: argparse.Namespace, given: PodInput, redactor: Redactor, path: Path) -> int:
    loop = asyncio.get_running_loop()
    layout = layout_of(path)
    api = RunApi(given.admitted, layout, args.pod_ip, path, wanted=not args.no_api)
    session = CheckSession(given.pods, _plan(args, given.pods), api)
    inner = output_for(
        given.pods,
        as_json=args.output == "json",
        no_color=args.no_color,
        on_broken=lambda error: session.nobody_reads(loop),
    )
    output = CheckOutput(
        inner, redactor, on_record=session.on_record, keep_records=args.report is not None
    )
    node = node_for(given, args, path, session.on_status)
    problems: list[str] = []

    def on_logs_complete() -> None:
        if args.keep_logs is not None:
            try:
                keep_logs(given.pods, layout, args.keep_logs, redactor)
            except OSError as error:
                problems.append(f"cannot keep the logs in {args.keep_logs}: {reason(error)}")

    result = redactor.value(await session.run(node, layout, output, on_logs_complete))
    problems += write_reports(args, result, given.pods, output)
    if session.broken:
        return NOBODY_READS
    tell(args, result)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return ExitCode.INTERNAL_ERROR if problems and not result.failure else result.code


def _plan(args: argparse.Namespace, pods: Sequence[Pod]) -> CheckPlan:
    goals = [Goal(args.goal) if args.goal else default_goal(pod) for pod in pods]
    timeout, source = args.timeout, "as --timeout says"
    if timeout is None:
        timeout = max(
            startup_budget(pod, to_completion=goal is Goal.SUCCEEDED)
            for pod, goal in zip(pods, goals, strict=True)
        )
        source = "what the manifests allow, and a margin (--timeout sets another)"
    soak = args.soak
    if soak is None:
        soak = default_soak(
            pod for pod, goal in zip(pods, goals, strict=True) if goal is Goal.READY
        )
    return CheckPlan(
        goals=goals,
        timeout=timeout,
        timeout_source=source,
        soak=soak,
        max_restarts=args.max_restarts,
        command=args.command_line or (),
        command_stdout=sys.stderr.fileno() if args.output == "json" else None,
        pod_ip=args.pod_ip,
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of restarts: write 0, 1, 2 …")
    return int(text)
