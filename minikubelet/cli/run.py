"""`minikubelet run`: the Pods of manifests as local processes, in the foreground.

Role: arguments, manifests, the run's directory; the life of the run is in `run_session.py`.
Exit codes: 0 all Pods succeeded, or were stopped by the user or the time limit; 1 a Pod failed; 2
usage; 14 bad manifests (nothing was started); 141 nobody read the output any more.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from minikubelet.assembly import GivenObjects, foreground_node, new_identity
from minikubelet.cli.colors import use_color
from minikubelet.cli.finding_text import count_text, finding_lines
from minikubelet.cli.inputs import read_inputs
from minikubelet.cli.output import RunOutput
from minikubelet.cli.output_json import JsonOutput
from minikubelet.cli.output_text import TextOutput
from minikubelet.cli.run_dir import layout_of, parts_of, run_directory
from minikubelet.cli.run_session import RunSession
from minikubelet.clock import SystemClock
from minikubelet.durations import duration
from minikubelet.journal import PodRef
from minikubelet.manifest.admit import Admitted, admit
from minikubelet.manifest.findings import Finding, has_errors
from minikubelet.manifest.pod import Pod
from minikubelet.manifest.read import read_manifest
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.images_file import ImagesFileError, load_catalog

USAGE = 2
BAD_MANIFEST = 14

_EPILOG = """\
examples:
  minikubelet run pod.yaml                  run it until it is finished, or Ctrl-C
  minikubelet run web.yaml config.yaml      a Pod, and the ConfigMap that it reads
  minikubelet run manifests/                every *.yaml, *.yml and *.json in a directory
  kubectl run x --image=nginx --dry-run=client -o yaml | minikubelet run -
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
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a manifest, a directory of them, or - for stdin"
    )
    parser.add_argument("--images", metavar="FILE", help="image catalog: the commands of images")
    parser.add_argument(
        "--pod-ip", metavar="IP", default="127.0.0.1", help="address of the Pods (127.0.0.1)"
    )
    parser.add_argument(
        "--time-limit", type=duration, metavar="D", help="stop cleanly after this long: 30s, 1m30s"
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="how to tell (text)"
    )
    parser.add_argument("--no-color", action="store_true", help="no colors on a terminal")
    parser.add_argument(
        "--inherit-env", action="store_true", help="give containers this shell's environment too"
    )


def run(args: argparse.Namespace) -> int:
    """Run the Pods; the answer is the exit code."""
    inputs = read_inputs(args.files, sys.stdin.buffer)
    results = [read_manifest(text.text, text.file) for text in inputs.texts]
    admitted = admit(results, new_identity())
    findings = (*inputs.findings, *admitted.findings)
    _print_findings(findings, no_color=args.no_color)
    if inputs.findings:
        return USAGE
    if has_errors(findings):
        return BAD_MANIFEST
    if not admitted.pods:
        print("error: no Pod in the input: there is nothing to run", file=sys.stderr)
        return BAD_MANIFEST
    try:
        images = Path(args.images) if args.images else None
        catalog = load_catalog(images, os.environ.get("PATH", os.defpath))
    except (OSError, ImagesFileError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    pods = [manifest.pod for manifest in admitted.pods]
    with run_directory() as path:
        return asyncio.run(_run(args, pods, admitted, catalog, path))


async def _run(
    args: argparse.Namespace,
    pods: Sequence[Pod],
    admitted: Admitted,
    catalog: ImageCatalog,
    path: Path,
) -> int:
    loop = asyncio.get_running_loop()
    output = _output(args, pods, on_broken=lambda error: session.nobody_reads(loop))
    session = RunSession(pods, output, args.time_limit)
    layout = layout_of(path)
    node = foreground_node(
        layout,
        objects=GivenObjects.of(admitted.config_maps, admitted.secrets),
        catalog=catalog,
        pod_ip=args.pod_ip,
        inherit_environment=args.inherit_env,
        on_status=session.on_status,
        cleanup=parts_of(path),
    )
    return await session.run(node, layout)


def _output(
    args: argparse.Namespace, pods: Sequence[Pod], on_broken: Callable[[OSError], None]
) -> RunOutput:
    clock = SystemClock()
    if args.output == "json":
        return JsonOutput(sys.stdout.fileno(), now=clock.now, on_broken=on_broken)
    is_terminal = sys.stdout.isatty()
    return TextOutput(
        sys.stdout.fileno(),
        [(PodRef.of(pod.metadata), c.name) for pod in pods for c in pod.containers()],
        now=clock.now,
        is_terminal=is_terminal,
        color=use_color(is_terminal=is_terminal, no_color=args.no_color, environ=os.environ),
        on_broken=on_broken,
    )


def _print_findings(findings: Sequence[Finding], *, no_color: bool) -> None:
    color = use_color(is_terminal=sys.stderr.isatty(), no_color=no_color, environ=os.environ)
    for finding in findings:
        for line in finding_lines(finding, color=color):
            print(line, file=sys.stderr)
    if has_errors(findings):
        print(f"{count_text(findings)}: nothing was started", file=sys.stderr)
