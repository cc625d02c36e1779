"""`minikubelet simulate`: what would happen to Pods whose applications follow a script.

Role: arguments, manifests, scripts; the production agent runs them in virtual time, and its course
is told as `minikubelet run` tells it. Nothing is started.
Exit codes: as those of `minikubelet run`; 2 also for a script that cannot be read.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence

from minikubelet.assembly import GivenObjects
from minikubelet.cli.pod_options import USAGE, admit_files, output_for
from minikubelet.cli.simulation import Simulation
from minikubelet.durations import duration
from minikubelet.manifest.admit import Admitted
from minikubelet.manifest.pod import Pod
from minikubelet.simulate.app import Script
from minikubelet.simulate.assignment import AppsError, assign_scripts
from minikubelet.simulate.node import ContainerKey, simulated_identity, simulated_node
from minikubelet.simulate.script import PHRASES
from minikubelet.simulate.virtual_time import VirtualClock, run_virtual

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
    admitted = admit_files(args, simulated_identity(rng), run="simulate", started="simulated")
    if isinstance(admitted, int):
        return admitted
    pods = [manifest.pod for manifest in admitted.pods]
    try:
        scripts = assign_scripts(args.app, pods)
    except AppsError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"error: cannot read {error.filename}: {error.strerror}", file=sys.stderr)
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
    output = output_for(
        pods,
        as_json=args.output == "json",
        no_color=args.no_color,
        on_broken=broken.append,
        now=clock.now,
    )
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
