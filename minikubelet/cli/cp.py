"""`minikubelet cp`: files and directories to and from containers, as a tar through exec.

Exit codes: 0; 1 the server refused or is not there, or a file cannot be read or written; others
those of tar in the container; 2 usage.
"""

from __future__ import annotations

import argparse
import os

from minikubelet.cli.api_options import Scope, UsageError, add_connection_options, with_client
from minikubelet.cli.client import Client, CommandError
from minikubelet.cli.copy_paths import CopyPath, PathError, parse_copy_path
from minikubelet.cli.stream_pods import chosen_container, find_running_pod, pod_path

_EPILOG = """\
examples:
  minikubelet cp data.csv web:/tmp/data.csv       into the default container
  minikubelet cp conf web:/etc/app -c app         a directory; if /etc/app is there, into it
  minikubelet cp web:/var/log/app ./log           out of it
  minikubelet cp team/web:/tmp/dump .             of namespace team

Needs `tar` in the container. Links that lead out of the target are left out, with a warning.

Exit codes: 0; 1 the server refused or is not there, or a file cannot be read or written; 2 usage"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "cp",
        help="copy files to and from containers",
        description="Copy files and directories to and from containers.",
        usage="minikubelet cp SOURCE TARGET [options]   (one of them is [NAMESPACE/]POD:PATH)",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="SOURCE TARGET", help="from where to where")
    parser.add_argument("-c", "--container", metavar="NAME", help="of this container")
    parser.add_argument(
        "--no-preserve",
        action="store_true",
        help="do not keep owners and permissions in the container",
    )
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _copy(args, client, scope))


def _copy(args: argparse.Namespace, client: Client, scope: Scope) -> int:
    source, target = _paths(args.words)
    remote = source if source.pod else target
    if source is not remote and not os.path.lexists(source.path):
        raise CommandError(f"{source.path} doesn't exist in local filesystem")
    from minikubelet.cli.stream_copy import Copy

    pod = find_running_pod(
        client, Scope(remote.namespace or scope.namespace), remote.pod, "exec into"
    )
    container = chosen_container(pod, args.container, quiet=False)
    copy = Copy(client, pod_path(pod), pod["metadata"]["name"], container)
    if source is remote:
        return copy.download(source.path, target.path)
    return copy.upload(source.path, target.path, preserve=not args.no_preserve)


def _paths(words: list[str]) -> tuple[CopyPath, CopyPath]:
    """Raises UsageError."""
    if len(words) != 2:
        raise UsageError("source and destination are required")
    try:
        source, target = (parse_copy_path(word) for word in words)
    except PathError as err:
        raise UsageError(str(err)) from err
    if source.pod and target.pod:
        raise UsageError("one of src or dest must be a local file specification")
    if not source.pod and not target.pod:
        raise UsageError("one of src or dest must be a remote file specification")
    return source, target
