"""`minikubelet probe`: one attempt of each probe of a manifest or of a running Pod.

Role: arguments, manifests, the choice of probes; `probe_session.py` makes the attempts, and
`probe_pod.py` does all that for a Pod that runs.
Exit codes: 0 all probes succeed; 1 some probe fails, or the server refused or is not there; 2
usage, or a file that cannot be read; 14 bad manifest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Sequence

from minikubelet.assembly import GivenObjects
from minikubelet.cli.api_options import add_connection_options
from minikubelet.cli.colors import use_color
from minikubelet.cli.inputs import STANDARD_INPUT
from minikubelet.cli.pod_options import USAGE, PodInput, load_pods
from minikubelet.cli.probe_daemon_view import DaemonView, view_line, view_to_json
from minikubelet.cli.probe_json import report
from minikubelet.cli.probe_session import ChosenProbe, ProbeSession
from minikubelet.cli.probe_text import count_line, probe_lines
from minikubelet.clock import Clock, SystemClock
from minikubelet.manifest.pod import Pod
from minikubelet.probes.addresses import HostLookupError, is_ip, resolve
from minikubelet.probes.attempt import Examined

GOOD = 0
FAILED = 1

_KINDS = ("startup", "readiness", "liveness")
_LOOKUP_SECONDS = 10.0
_NAME = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_POD_NAME = re.compile(rf"(pods?/|po/)?{_NAME}(/{_NAME})?")
_MANIFEST = re.compile(r"\.(ya?ml|json)$")

_EPILOG = """\
examples:
  minikubelet probe pod.yaml                       every probe of the manifest, once
  minikubelet probe pod.yaml -c app --kind readiness
  minikubelet probe --host 10.1.2.3 pod.yaml       the app runs there
  minikubelet probe pod.yaml config.yaml           exec probes need the ConfigMaps of their env
  minikubelet probe -o json pod.yaml | jq '.probes[].hints'
  minikubelet probe web                            of a running Pod, and what the daemon thinks
  minikubelet probe web/app -n team                of one of its containers

The app of a manifest need not be started by minikubelet: each probe goes to its port of --host, as
the kubelet would send it, and what happens is told step by step, with hints where it goes wrong.
After a failure a few more requests of the same sort look for the cause; --once leaves them out.

Commands of exec probes run on this host, with the environment, user and working directory of their
container (without one: the current directory). They see the host's files, not the container's
volumes. Those of a running Pod run in its container.

exit codes: 0 all probes succeed; 1 some probe fails, or the server refused; 2 usage; 14 bad
manifest"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "probe",
        help="try each probe of a manifest or a running Pod once",
        description="Make one attempt of each probe of a manifest or a running Pod, and say what "
        "it met.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE|POD[/CONTAINER]",
        help="a manifest, a directory of them, - for stdin; or the name of a running Pod",
    )
    parser.add_argument("-c", "--container", metavar="NAME", help="only this container's probes")
    parser.add_argument("--kind", choices=_KINDS, help="only probes of this kind")
    parser.add_argument(
        "--host", metavar="H", help="address of the Pod (127.0.0.1; that of the running Pod)"
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
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    """Make the attempts; the answer is the exit code."""
    named = next((file for file in args.files if _names_pod(file)), None)
    if named is not None:
        return _probe_pod(args, named)
    given = load_pods(args, run="probe", started="probed")
    if isinstance(given, int):
        return given
    chosen = choose(given.pods, args.container, args.kind)
    if not chosen:
        return _usage(why_none(given.pods, args.container, args.kind))
    try:
        return asyncio.run(_probe(args, chosen, given))
    except HostLookupError as error:
        return _usage(f"cannot find the host of --host: {error}")


async def _probe(args: argparse.Namespace, chosen: Sequence[ChosenProbe], given: PodInput) -> int:
    session = ProbeSession(
        pod_ip=await pod_address(args.host or "127.0.0.1", SystemClock()),
        objects=GivenObjects.of(given.admitted.config_maps, given.admitted.secrets),
        catalog=given.catalog,
        inherit_environment=args.inherit_env,
        may_look=not args.once,
    )
    teller = Teller(as_json=args.output == "json", no_color=args.no_color)
    await session.examine_all(chosen, teller.tell)
    return teller.finish()


class Teller:
    """Tells of each probe as soon as it has been examined, or of all of them at the end."""

    def __init__(self, *, as_json: bool, no_color: bool) -> None:
        self._as_json = as_json
        self._color = use_color(
            is_terminal=sys.stdout.isatty(), no_color=no_color, environ=os.environ
        )
        self._examined: list[Examined] = []
        self._views: list[DaemonView] = []

    def tell(self, item: Examined, view: DaemonView | None = None) -> None:
        """`view`: what the daemon thinks of it."""
        self._examined.append(item)
        if view is not None:
            self._views.append(view)
        if not self._as_json:
            more = [] if view is None else [view_line(view)]
            print("\n".join([*probe_lines(item, color=self._color), *more, ""]), flush=True)

    def finish(self) -> int:
        """The exit code."""
        if self._as_json:
            document = report(self._examined)
            for probe, view in zip(document["probes"], self._views, strict=False):
                probe["daemon"] = view_to_json(view)
            print(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            print(count_line(self._examined))
        return GOOD if all(item.attempt.succeeded for item in self._examined) else FAILED


def _probe_pod(args: argparse.Namespace, named: str) -> int:
    if len(args.files) > 1:
        return _usage(f"{named} is no file here, and of running Pods one is probed at a time")
    if args.images or args.inherit_env:
        return _usage("--images and --inherit-env are for manifests, not for a running Pod")
    from minikubelet.cli.probe_pod import probe_pod  # the API is for this form only

    return probe_pod(args, named)


async def pod_address(host: str, clock: Clock) -> str:
    """The IP address of a host: the kubelet knows Pods by their addresses only, and sends them in
    the Host header. Raises HostLookupError."""
    if is_ip(host):
        return host
    found = await resolve(host, 0, clock.monotonic() + _LOOKUP_SECONDS, clock)
    return str(found[0].sockaddr[0])


def choose(pods: Sequence[Pod], container: str | None, kind: str | None) -> tuple[ChosenProbe, ...]:
    """The probes, in the order of the manifests and in which workers are made (P-110)."""
    return tuple(
        ChosenProbe(pod, candidate, probe)
        for pod in pods
        for candidate in pod.containers()
        if container in (None, candidate.name)
        for probe in candidate.probes()
        if kind in (None, probe.kind.lower())
    )


def why_none(
    pods: Sequence[Pod], container: str | None, kind: str | None, *, whole: str = "the manifest"
) -> str:
    """`whole`: what has been looked at."""
    names = [c.name for pod in pods for c in pod.containers()]
    if container is not None and container not in names:
        return f"no container {container}; there are {', '.join(names)}"
    whose = f"{whole} has" if container is None else f"container {container} has"
    return f"{whose} no {f'{kind} probe' if kind else 'probes'}: there is nothing to probe"


def _names_pod(argument: str) -> bool:
    """Whether an argument can only be meant as the name of a Pod."""
    return (
        argument != STANDARD_INPUT
        and _POD_NAME.fullmatch(argument) is not None
        and _MANIFEST.search(argument) is None
        and not os.path.exists(argument)
    )


def _usage(text: str) -> int:
    print(f"error: {text}", file=sys.stderr)
    return USAGE
