"""`minikubelet logs`: what the containers of a Pod wrote.

Role: arguments; which containers of which Pods; several streams at once when following.
Exit codes: 0; 1 the server refused or is not there; 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from minikubelet.cli.api_options import (
    Scope,
    UsageError,
    add_connection_options,
    check_name,
    error_line,
    find_resource,
    say_error,
    with_client,
)
from minikubelet.cli.client import Client, CommandError
from minikubelet.cli.pod_containers import default_container
from minikubelet.durations import duration
from minikubelet.manifest.json_tree import Json
from minikubelet.value_class import dataclass

_LISTS = ("initContainers", "containers", "ephemeralContainers")

_EPILOG = """\
examples:
  minikubelet logs web                      what the Pod wrote so far
  minikubelet logs -f web -c app            and goes on writing, until it ends or Ctrl-C
  minikubelet logs -p web                   of the instance before the last restart
  minikubelet logs --tail 20 --timestamps web
  minikubelet logs --since 5m web
  minikubelet logs -f --all-containers --prefix web
  minikubelet logs -l app=web --prefix      of all Pods with a label

Exit codes: 0; 1 the server refused or is not there; 2 usage"""


@dataclass(frozen=True, slots=True)
class _Source:
    path: str
    query: dict[str, str]
    prefix: bytes


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "logs",
        help="print what containers wrote",
        description="Print the logs of containers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="POD [CONTAINER]", help="whose logs")
    parser.add_argument("-c", "--container", metavar="NAME", help="of this container")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until it ends")
    parser.add_argument(
        "-p", "--previous", action="store_true", help="of the instance before the last restart"
    )
    parser.add_argument("--tail", type=int, metavar="N", help="only the last N lines")
    parser.add_argument("--since", type=duration, metavar="D", help="only newer than: 5s, 2m, 3h")
    parser.add_argument("--since-time", metavar="TIME", help="only after an RFC 3339 time")
    parser.add_argument("--limit-bytes", type=int, metavar="N", help="at most N bytes")
    parser.add_argument("--timestamps", action="store_true", help="each line with its time")
    parser.add_argument("--all-containers", action="store_true", help="of all containers")
    parser.add_argument("--prefix", action="store_true", help="each line with its source")
    parser.add_argument("-l", "--selector", metavar="LABELS", help="of all Pods with these labels")
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _logs(args, client, scope))


def _logs(args: argparse.Namespace, client: Client, scope: Scope) -> int:
    pods = _pods(args, client, scope)
    sources = [source for pod in pods for source in _sources(args, pod)]
    if args.follow and len(sources) > 1:
        return _follow_all(client, sources)
    code = 0
    for source in sources:
        try:
            _copy(client, source)
        except CommandError as err:
            if len(sources) == 1:
                raise
            code = say_error(error_line(err))
    return code


def _pods(args: argparse.Namespace, client: Client, scope: Scope) -> list[Json]:
    pods = find_resource("pods")
    if bool(args.words) == bool(args.selector) or len(args.words) > 2:
        raise UsageError("say which Pod: logs POD [CONTAINER], or logs -l LABELS")
    if args.selector:
        answer = client.get(scope.path(pods), {"labelSelector": args.selector})
        if not answer.get("items"):
            print(f"No resources found in {scope.namespace} namespace.", file=sys.stderr)
        if args.tail is None:
            args.tail = 10  # as kubectl: of many Pods only the end
        return list(answer.get("items") or ())
    kind, slash, name = args.words[0].rpartition("/")
    if slash and find_resource(kind) != pods:
        raise UsageError(f"logs are those of Pods, not of {kind}")
    check_name(name)
    if len(args.words) == 2:
        if args.container:
            raise UsageError("name the container once: as a word, or with -c")
        args.container = args.words[1]
    return [client.get(scope.path(pods, name))]


def _sources(args: argparse.Namespace, pod: Json) -> Iterator[_Source]:
    name = pod["metadata"]["name"]
    path = Scope(pod["metadata"].get("namespace") or "default").path(
        find_resource("pods"), name, "log"
    )
    for container in _containers(args, pod):
        prefix = f"[pod/{name}/{container}] ".encode() if args.prefix else b""
        yield _Source(path, {"container": container, **_query(args)}, prefix)


def _containers(args: argparse.Namespace, pod: Json) -> list[str]:
    spec = pod.get("spec") or {}
    if args.all_containers:
        return [c["name"] for names in _LISTS for c in spec.get(names) or ()]
    if args.container:
        return [str(args.container)]
    chosen, told = default_container(pod)
    if told:
        print(told, file=sys.stderr)
    return [chosen]


def _query(args: argparse.Namespace) -> dict[str, str]:
    switches = {
        "follow": args.follow,
        "previous": args.previous,
        "timestamps": args.timestamps,
    }
    query = {name: "true" for name, on in switches.items() if on}
    if args.tail is not None and args.tail >= 0:
        query["tailLines"] = str(args.tail)
    if args.since is not None:
        query["sinceSeconds"] = str(max(1, round(args.since)))
    if args.since_time:
        query["sinceTime"] = args.since_time
    if args.limit_bytes is not None:
        query["limitBytes"] = str(args.limit_bytes)
    return query


def _copy(client: Client, source: _Source) -> None:
    """Bytes as they are; with a prefix, line by line."""
    out = sys.stdout.buffer
    for data in (
        _lines(client, source) if source.prefix else client.stream(source.path, source.query)
    ):
        out.write(data)
        out.flush()


def _lines(client: Client, source: _Source) -> Iterator[bytes]:
    """Whole lines with the prefix; what is left at the end gets its newline."""
    rest = b""
    for data in client.stream(source.path, source.query):
        *lines, rest = (rest + data).split(b"\n")
        if lines:
            yield b"".join(source.prefix + line + b"\n" for line in lines)
    if rest:
        yield source.prefix + rest + b"\n"


def _follow_all(client: Client, sources: list[_Source]) -> int:
    """One connection and one thread each; lines stay whole."""
    import queue
    import threading

    lock = threading.Lock()
    ended: queue.SimpleQueue[CommandError | BrokenPipeError | None] = queue.SimpleQueue()

    def follow(source: _Source) -> None:
        own = Client(client.cluster)
        failure: CommandError | BrokenPipeError | None = None
        try:
            for data in _lines(own, source):
                with lock:
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()
        except (CommandError, BrokenPipeError) as err:
            failure = err
        finally:
            own.close()
            ended.put(failure)

    for source in sources:
        threading.Thread(target=follow, args=(source,), daemon=True).start()
    code = 0
    for _ in sources:
        failure = ended.get()
        if isinstance(failure, BrokenPipeError):
            raise failure  # nobody reads any more: the others end with the process
        if failure is not None:
            code = say_error(error_line(failure))
    return code
