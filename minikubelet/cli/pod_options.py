"""What commands about Pods have in common: manifests, images, addresses, output.

Role: arguments → Pods that may run, the objects that came with them and the image catalog, or the
exit code that says why there are none; everything that is wrong has been told on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from minikubelet.assembly import GivenObjects, Node, foreground_node, new_identity
from minikubelet.cli.addresses import host_address
from minikubelet.cli.colors import use_color
from minikubelet.cli.finding_text import count_text, finding_lines
from minikubelet.cli.inputs import read_inputs
from minikubelet.cli.output import RunOutput
from minikubelet.cli.output_json import JsonOutput
from minikubelet.cli.output_text import TextOutput
from minikubelet.cli.run_dir import layout_of, parts_of
from minikubelet.clock import SystemClock
from minikubelet.journal import PodRef
from minikubelet.manifest.admit import Admitted, Identity, admit
from minikubelet.manifest.findings import Finding, has_errors
from minikubelet.manifest.pod import Pod
from minikubelet.manifest.read import read_manifest
from minikubelet.node.agent import StatusListener
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.images_file import ImagesFileError, load_catalog
from minikubelet.value_class import dataclass

USAGE = 2
BAD_MANIFEST = 14


@dataclass(frozen=True, slots=True)
class PodInput:
    """What one command was given to run."""

    pods: tuple[Pod, ...]
    admitted: Admitted
    catalog: ImageCatalog


def add_pod_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a manifest, a directory of them, or - for stdin"
    )
    parser.add_argument("--images", metavar="FILE", help="image catalog: the commands of images")
    parser.add_argument(
        "--pod-ip",
        type=host_address,
        metavar="IP",
        default="127.0.0.1",
        help="address of the Pods, one of this host (127.0.0.1)",
    )
    parser.add_argument(
        "--no-api", action="store_true", help="serve no API for kubectl, and open no port"
    )
    parser.add_argument("--no-color", action="store_true", help="no colors on a terminal")
    parser.add_argument(
        "--inherit-env", action="store_true", help="give containers this shell's environment too"
    )


def load_pods(
    args: argparse.Namespace,
    *,
    run: str = "run",
    started: str = "started",
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> PodInput | int:
    """The Pods of the manifests, or the exit code: USAGE or BAD_MANIFEST.

    The other arguments are those of `admit_files`.
    """
    admitted = admit_files(args, new_identity(), run=run, started=started, on_finding=on_finding)
    if isinstance(admitted, int):
        return admitted
    try:
        images = Path(args.images) if args.images else None
        catalog = load_catalog(images, os.environ.get("PATH", os.defpath))
    except (OSError, ImagesFileError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    return PodInput(tuple(manifest.pod for manifest in admitted.pods), admitted, catalog)


def admit_files(
    args: argparse.Namespace,
    identity: Identity,
    *,
    run: str = "run",
    started: str = "started",
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> Admitted | int:
    """What the manifests hold, a Pod at least, or the exit code: USAGE or BAD_MANIFEST.

    `run` and `started` are the words for what was to be done with the Pods. `on_finding` gets what
    is told on standard error.
    """
    inputs = read_inputs(args.files, sys.stdin.buffer)
    results = [read_manifest(text.text, text.file) for text in inputs.texts]
    admitted = admit(results, identity)
    findings = (*inputs.findings, *admitted.findings)
    _print_findings(findings, started, no_color=args.no_color)
    for finding in findings:
        on_finding(finding)
    if inputs.findings:
        return USAGE
    if has_errors(findings):
        return BAD_MANIFEST
    if not admitted.pods:
        print(f"error: no Pod in the input: there is nothing to {run}", file=sys.stderr)
        return BAD_MANIFEST
    return admitted


def node_for(
    given: PodInput, args: argparse.Namespace, path: Path, on_status: StatusListener
) -> Node:
    """A node in the foreground whose files lie in the run's directory `path`."""
    return foreground_node(
        layout_of(path),
        objects=GivenObjects.of(given.admitted.config_maps, given.admitted.secrets),
        catalog=given.catalog,
        pod_ip=args.pod_ip,
        inherit_environment=args.inherit_env,
        on_status=on_status,
        cleanup=parts_of(path),
    )


def output_for(
    pods: Sequence[Pod],
    *,
    as_json: bool,
    no_color: bool,
    on_broken: Callable[[OSError], None],
    now: Callable[[], datetime] | None = None,
) -> RunOutput:
    """How to tell on standard output; without `now` in real time."""
    now = now or SystemClock().now
    if as_json:
        return JsonOutput(sys.stdout.fileno(), now=now, on_broken=on_broken)
    is_terminal = sys.stdout.isatty()
    return TextOutput(
        sys.stdout.fileno(),
        [(PodRef.of(pod.metadata), c.name) for pod in pods for c in pod.containers()],
        now=now,
        is_terminal=is_terminal,
        color=use_color(is_terminal=is_terminal, no_color=no_color, environ=os.environ),
        on_broken=on_broken,
    )


def _print_findings(findings: Sequence[Finding], started: str, *, no_color: bool) -> None:
    color = use_color(is_terminal=sys.stderr.isatty(), no_color=no_color, environ=os.environ)
    for finding in findings:
        for line in finding_lines(finding, color=color):
            print(line, file=sys.stderr)
    if has_errors(findings):
        print(f"{count_text(findings)}: nothing was {started}", file=sys.stderr)
