"""`minikubelet simulate`: what would happen to Pods whose applications follow a script.

Role: arguments, manifests, scripts; the production agent runs them in virtual time, and its course
is told as `minikubelet run` tells it. Nothing is started.
Exit codes: as those of `minikubelet run`; 2 also for a script that cannot be read.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Callable, Sequence

from minikubelet.assembly import GivenObjects
from minikubelet.cli.colors import use_color
from minikubelet.cli.finding_text import count_text, finding_lines
from minikubelet.cli.inputs import read_inputs
from minikubelet.cli.output import RunOutput
from minikubelet.cli.output_json import JsonOutput
from minikubelet.cli.output_text import TextOutput
from minikubelet.cli.simulation import Simulation
from minikubelet.durations import duration
from minikubelet.journal import PodRef
from minikubelet.manifest.admit import Admitted, admit
from minikubelet.manifest.findings import Finding, has_errors
from minikubelet.manifest.pod import Pod
from minikubelet.manifest.read import read_manifest
from minikubelet.simulate.app import Script
from minikubelet.simulate.assignment import AppsError, assign_scripts
from minikubelet.simulate.node import ContainerKey, simulated_identity, simulated_node
from minikubelet.simulate.script import PHRASES
from minikubelet.simulate.virtual_time import VirtualClock, run_virtual

USAGE = 2
BAD_MANIFEST = 14
NOBODY_READS = 141

_DEFAULT_SECONDS = 600.0

_EPILOG = f"""\
An app is scripted as "CONTAINER: PHRASE, PHRASE …", or without a name for every container that has
no script of its own. Times count from the container's start. D is 10s, 1m30s, 500ms or seconds.

{PHRASES}

Without a script a container is well for ever, and an init container completes at once. Liveness
probes ask whether the app is alive, readiness and startup probes whether it is ready. Commands of
exec probes ask the app too. Nothing takes time but what the script says.

examples:
  minikubelet simulate pod.yaml
      the probes and the stop of a Pod in which all is well
  minikubelet simulate pod.yaml --app 'web: ready after 42s, hangs at 300s, ignores TERM'
      is it given the time to start, how long does it hang, what does the restart take?
  minikubelet simulate pod.yaml --app 'web: listens after 20s, fails at 1h' --for 24h
  minikubelet simulate pod.yaml --app 'db: exits at 3s with 1, then ready after 5s'
      the first start fails, the second does not
  minikubelet simulate pod.yaml --app 'answers in 200ms..1500ms' --seed 7
      is a time-out of one second enough? the same seed gives the same answer
  minikubelet simulate pod.yaml --app apps.yaml
      a file that maps containers to scripts

When the time is over the Pods are stopped, as `run --time-limit` would.

exit codes: 0 all Pods succeeded, or were stopped at the end; 1 a Pod failed; 2 usage;
14 bad manifests"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "simulate",
        help="tell what would happen to Pods whose apps follow a script",
        description="Tell, in no time, what would happen to Pods whose apps follow a script.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a manifest, a directory of them, or - for stdin"
    )
    parser.add_argument(
        "--app",
        metavar="SCRIPT",
        action="append",
        default=[],
        help="what a container does, or a *.yaml file that says it (may be repeated)",
    )
    parser.add_argument(
        "--for",
        dest="seconds",
        type=duration,
        metavar="D",
        default=_DEFAULT_SECONDS,
        help="how much time to simulate: 24h, 1m30s (10m)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of everything that is random (0)"
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="how to tell (text)"
    )
    parser.add_argument("--no-color", action="store_true", help="no colors on a terminal")


def run(args: argparse.Namespace) -> int:
    """Simulate and tell; the answer is the exit code."""
    rng = random.Random(args.seed)
    inputs = read_inputs(args.files, sys.stdin.buffer)
    results = [read_manifest(text.text, text.file) for text in inputs.texts]
    admitted = admit(results, simulated_identity(rng))
    findings = (*inputs.findings, *admitted.findings)
    _print_findings(findings, no_color=args.no_color)
    if inputs.findings:
        return USAGE
    if has_errors(findings):
        return BAD_MANIFEST
    if not admitted.pods:
        print("error: no Pod in the input: there is nothing to simulate", file=sys.stderr)
        return BAD_MANIFEST
    pods = [manifest.pod for manifest in admitted.pods]
    try:
        scripts = assign_scripts(args.app, pods)
    except (AppsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    return _simulate(args, pods, admitted, scripts, rng)


def _simulate(
    args: argparse.Namespace,
    pods: Sequence[Pod],
    admitted: Admitted,
    scripts: dict[ContainerKey, Script],
    rng: random.Random,
) -> int:
    clock = VirtualClock()
    broken: list[OSError] = []
    output = _output(args, pods, clock, broken.append)
    simulation = Simulation(pods, output, args.seconds)
    node = simulated_node(
        clock,
        pods,
        scripts,
        objects=GivenObjects.of(admitted.config_maps, admitted.secrets),
        rng=rng,
        on_status=simulation.on_status,
    )
    code = run_virtual(clock, simulation.run(node))
    return NOBODY_READS if broken else code


def _output(
    args: argparse.Namespace,
    pods: Sequence[Pod],
    clock: VirtualClock,
    on_broken: Callable[[OSError], None],
) -> RunOutput:
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
        print(f"{count_text(findings)}: nothing was simulated", file=sys.stderr)
