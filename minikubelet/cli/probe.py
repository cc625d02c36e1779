"""`minikubelet probe`: one attempt of each probe of a manifest, against an app that runs anywhere.

Role: arguments, manifests, the choice of probes; `probe_session.py` makes the attempts.
Exit codes: 0 all probes succeed; 1 some probe fails; 2 usage, or a file that cannot be read; 14 bad
manifest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from minikubelet.assembly import GivenObjects, new_identity
from minikubelet.cli.colors import use_color
from minikubelet.cli.finding_text import count_text, finding_lines
from minikubelet.cli.inputs import STANDARD_INPUT, read_inputs
from minikubelet.cli.probe_json import report
from minikubelet.cli.probe_session import ChosenProbe, ProbeSession
from minikubelet.cli.probe_text import report_lines
from minikubelet.clock import Clock, SystemClock
from minikubelet.manifest.admit import Admitted, admit
from minikubelet.manifest.findings import Finding, Severity, has_errors
from minikubelet.manifest.read import read_manifest
from minikubelet.probes.addresses import HostLookupError, resolve
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.images_file import ImagesFileError, load_catalog

GOOD = 0
FAILED = 1
USAGE = 2
BAD_MANIFEST = 14

_KINDS = ("startup", "readiness", "liveness")
_LOOKUP_SECONDS = 10.0
_POD_NAME = re.compile(r"(pods?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?")

_EPILOG = """\
examples:
  minikubelet probe pod.yaml                       every probe of the manifest, once
  minikubelet probe pod.yaml -c app --kind readiness
  minikubelet probe --host 10.1.2.3 pod.yaml       the app runs there
  minikubelet probe pod.yaml config.yaml           exec probes need the ConfigMaps of their env
  minikubelet probe -o json pod.yaml | jq '.probes[].hints'

The app need not be started by minikubelet: each probe goes to its port on HOST (127.0.0.1), as the
kubelet would send it, and what happens is told step by step, with hints where it goes wrong. After
a failure a few more requests of the same sort look for the cause; --once leaves them out. Commands
of exec probes run on this host with the environment, user and working directory (else the current
one) of their container, but they see the host's files, not the container's volumes.

exit codes: 0 all probes succeed; 1 some probe fails; 2 usage; 14 bad manifest"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "probe",
        help="try each probe of a manifest once, against an app that runs anywhere",
        description="Make one attempt of each probe of a manifest, and say what it met.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a manifest, a directory of them, or - for stdin"
    )
    parser.add_argument("-c", "--container", metavar="NAME", help="only this container's probes")
    parser.add_argument("--kind", choices=_KINDS, help="only probes of this kind")
    parser.add_argument(
        "--host", metavar="H", default="127.0.0.1", help="address of the Pod (127.0.0.1)"
    )
    parser.add_argument(
        "--once", action="store_true", help="nothing but the attempts: no requests to find causes"
    )
    parser.add_argument("--images", metavar="FILE", help="image catalog: environments of images")
    parser.add_argument(
        "--inherit-env", action="store_true", help="give commands this shell's environment too"
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="how to tell (text)"
    )
    parser.add_argument("--no-color", action="store_true", help="no colors on a terminal")


def run(args: argparse.Namespace) -> int:
    """Make the attempts; the answer is the exit code."""
    named = next((file for file in args.files if _names_pod(file)), None)
    if named is not None:
        return _usage(
            f"{named} is no file here, and running Pods cannot be probed by name: give the "
            "manifest of the Pod, and --host if it runs elsewhere"
        )
    inputs = read_inputs(args.files, sys.stdin.buffer)
    admitted = admit([read_manifest(text.text, text.file) for text in inputs.texts], new_identity())
    findings = (*inputs.findings, *admitted.findings)
    _print_errors(findings, no_color=args.no_color)
    if inputs.findings:
        return USAGE
    if has_errors(findings):
        return BAD_MANIFEST
    chosen = choose(admitted, args.container, args.kind)
    if not chosen:
        return _usage(_why_none(admitted, args.container, args.kind))
    try:
        images = Path(args.images) if args.images else None
        catalog = load_catalog(images, os.environ.get("PATH", os.defpath))
    except (OSError, ImagesFileError) as error:
        return _usage(str(error))
    try:
        return asyncio.run(_probe(args, chosen, admitted, catalog))
    except HostLookupError as error:
        return _usage(f"cannot find the host of --host: {error}")


async def _probe(
    args: argparse.Namespace,
    chosen: Sequence[ChosenProbe],
    admitted: Admitted,
    catalog: ImageCatalog,
) -> int:
    session = ProbeSession(
        pod_ip=await pod_address(args.host, SystemClock()),
        objects=GivenObjects.of(admitted.config_maps, admitted.secrets),
        catalog=catalog,
        inherit_environment=args.inherit_env,
        may_look=not args.once,
    )
    examined = await session.examine_all(chosen)
    if args.output == "json":
        print(json.dumps(report(examined), ensure_ascii=False, indent=2))
    else:
        color = use_color(
            is_terminal=sys.stdout.isatty(), no_color=args.no_color, environ=os.environ
        )
        print("\n".join(report_lines(examined, color=color)))
    return GOOD if all(item.attempt.succeeded for item in examined) else FAILED


async def pod_address(host: str, clock: Clock) -> str:
    """The IP address of a host: the kubelet knows Pods by their addresses only, and sends them in
    the Host header. Raises HostLookupError."""
    found = await resolve(host.strip("[]"), 0, clock.monotonic() + _LOOKUP_SECONDS, clock)
    return str(found[0].sockaddr[0])


def choose(admitted: Admitted, container: str | None, kind: str | None) -> tuple[ChosenProbe, ...]:
    """The probes, in the order of the manifests and in which workers are made (P-110)."""
    return tuple(
        ChosenProbe(manifest.pod, candidate, probe)
        for manifest in admitted.pods
        for candidate in manifest.pod.containers()
        if container in (None, candidate.name)
        for probe in candidate.probes()
        if kind in (None, probe.kind.lower())
    )


def _why_none(admitted: Admitted, container: str | None, kind: str | None) -> str:
    if not admitted.pods:
        return "no Pod in the input: there is nothing to probe"
    names = [c.name for manifest in admitted.pods for c in manifest.pod.containers()]
    if container is not None and container not in names:
        return f"no container {container}; there are {', '.join(names)}"
    whose = "the manifest has" if container is None else f"container {container} has"
    return f"{whose} no {f'{kind} probe' if kind else 'probes'}: there is nothing to probe"


def _names_pod(argument: str) -> bool:
    """Whether an argument can only be meant as the name of a Pod."""
    return (
        argument != STANDARD_INPUT
        and _POD_NAME.fullmatch(argument) is not None
        and not Path(argument).exists()
    )


def _print_errors(findings: Sequence[Finding], *, no_color: bool) -> None:
    """Warnings are for `validate` and `run`: here they would hide the answer."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    color = use_color(is_terminal=sys.stderr.isatty(), no_color=no_color, environ=os.environ)
    for finding in errors:
        for line in finding_lines(finding, color=color):
            print(line, file=sys.stderr)
    if errors:
        print(f"{count_text(errors)}: nothing was probed", file=sys.stderr)


def _usage(text: str) -> int:
    print(f"error: {text}", file=sys.stderr)
    return USAGE
