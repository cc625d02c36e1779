"""`minikubelet run`: the Pods of manifests as local processes, in the foreground.

Role: arguments, manifests, the run's directory; the life of the run is in `run_session.py`.
Exit codes: 0 all Pods succeeded, or were stopped by the user or the time limit; 1 a Pod failed; 2
usage; 14 bad manifests (nothing was started); 141 nobody read the output any more.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from minikubelet.cli.pod_options import (
    PodInput,
    add_pod_options,
    load_pods,
    node_for,
    output_for,
)
from minikubelet.cli.run_api import RunApi
from minikubelet.cli.run_dir import layout_of, run_directory
from minikubelet.cli.run_session import RunSession
from minikubelet.durations import duration

_EPILOG = """\
examples:
  minikubelet run pod.yaml                  run it until it is finished, or Ctrl-C
  minikubelet run web.yaml config.yaml      a Pod, and the ConfigMap that it reads
  minikubelet run manifests/                every *.yaml, *.yml and *.json in a directory
  envsubst < pod.yaml | minikubelet run -   what another program makes of it
  minikubelet run --time-limit 30s pod.yaml stop it cleanly after half a minute
  minikubelet run -o json pod.yaml          one JSON object per line: logs, events, records

The first Ctrl-C (or TERM) stops the Pods as Kubernetes would: preStop hooks, TERM, the grace
period, KILL. The second kills at once. Nothing is left behind either way.

exit codes: 0 all Pods succeeded, or were stopped by you or the time limit; 1 a Pod failed;
2 usage; 14 bad manifests, nothing was started"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "run",
        help="run the Pods of manifests as local processes, in the foreground",
        description="Run the Pods of manifests as local processes until they are finished.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_pod_options(parser)
    parser.add_argument(
        "--time-limit", type=duration, metavar="D", help="stop cleanly after this long: 30s, 1m30s"
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="how to tell (text)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the Pods; the answer is the exit code."""
    given = load_pods(args)
    if isinstance(given, int):
        return given
    with run_directory() as path:
        return asyncio.run(_run(args, given, path))


async def _run(args: argparse.Namespace, given: PodInput, path: Path) -> int:
    loop = asyncio.get_running_loop()
    output = output_for(
        given.pods,
        as_json=args.output == "json",
        no_color=args.no_color,
        on_broken=lambda error: session.nobody_reads(loop),
    )
    api = RunApi(given.admitted, layout_of(path), args.pod_ip, path, wanted=not args.no_api)
    session = RunSession(given.pods, output, args.time_limit, api)
    node = node_for(given, args, path, session.on_status)
    return await session.run(node, layout_of(path))
