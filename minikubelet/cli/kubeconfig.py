"""`minikubelet kubeconfig`: where the daemon's kubeconfig is, or what it says.

Exit codes: 0; 1 there is none.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys

from minikubelet.cli.kubeconfig_file import KubeconfigError, chosen_path, find_cluster

_EPILOG = """\
examples:
  export KUBECONFIG=$(minikubelet kubeconfig)     use kubectl with the daemon
  eval "$(minikubelet kubeconfig --export)"       the same
  minikubelet kubeconfig --raw > my-kubeconfig    what it says; it holds a secret

Who has this file may start processes as the daemon's user. Exit codes: 0; 1 there is none"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "kubeconfig",
        help="where the kubeconfig of the daemon is, or what it says",
        description="Print the path of the kubeconfig that kubectl needs to reach the daemon.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--raw", action="store_true", help="what it says, with its secret")
    form.add_argument("--export", action="store_true", help="a line for your shell")
    parser.add_argument("--kubeconfig", metavar="FILE", help="this one instead")


def run(args: argparse.Namespace) -> int:
    # $KUBECONFIG may name some cluster: what is asked for is the daemon's.
    environ = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    try:
        find_cluster(args.kubeconfig, environ)
    except KubeconfigError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    path = chosen_path(args.kubeconfig, environ).absolute()
    if args.raw:
        sys.stdout.write(path.read_text())
    elif args.export:
        print(f"export KUBECONFIG={shlex.quote(str(path))}")
    else:
        print(path)
    return 0
