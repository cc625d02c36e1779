"""The command line: choose a command, import it alone, run it.

Role: start-up time is a feature, so a command's module is imported only when the command is chosen.
Each one offers `add_parser(subparsers)` and `run(args) -> exit code`. Exit codes of every command:
2 for usage errors, 70 for an internal error, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from minikubelet import __version__
from minikubelet.cli.command_parser import USAGE, CommandParser, unknown_command

INTERNAL_ERROR = 70

GROUPS: dict[str, dict[str, str]] = {
    "run Pods": {
        "run": "run the Pods of manifests as local processes, in the foreground",
        "check": "start the Pods, wait, run a command, stop: a verdict for CI",
        "daemon": "a lasting node that kubectl drives",
    },
    "look ahead, without running": {
        "plan": "what will happen to a Pod and when, without running it",
        "simulate": "tell what would happen to Pods whose apps follow a script",
        "validate": "check manifests and print every finding",
        "probe": "try each probe of a manifest once, against an app that runs anywhere",
    },
    "talk to a daemon, as kubectl does": {
        "get": "print objects in columns, as YAML or as JSON",
        "describe": "tell all about objects, with their events",
        "logs": "print what containers wrote",
        "exec": "run a command in a container",
        "attach": "see what a running container writes, and write to it",
        "cp": "copy files to and from containers",
        "port-forward": "forward local ports to a Pod",
        "events": "print events in the order in which they happened",
        "why": "why a Pod is as it is, and why it was restarted",
        "top": "print what Pods or the node use of CPU and memory",
        "apply": "make objects as manifests say (server-side apply)",
        "delete": "delete objects, gracefully",
        "kubeconfig": "where the kubeconfig of the daemon is, or what it says",
    },
    "others": {
        "images": "show which local command stands for an image",
        "mock": "a small server with scripted health, to try probes on",
        "completion": "a script that completes commands in your shell",
        "version": "print the version",
    },
}
COMMANDS: dict[str, str] = {
    name: summary for group in GROUPS.values() for name, summary in group.items()
}

_DESCRIPTION = """\
Run Kubernetes Pod manifests as plain local processes, with the kubelet's exact behavior:
init containers, sidecars, probes, restarts with back-off, hooks, graceful stops.
No cluster, no images, no container runtime."""

_EPILOG = """\
first steps:
  minikubelet run pod.yaml               see it run: logs, events and probes; Ctrl-C stops it
  minikubelet check pod.yaml -- pytest   does it become Ready, and do the tests pass then? for CI
  minikubelet plan pod.yaml              when is it probed, Ready, killed and back, without a run
  minikubelet validate pod.yaml          is the manifest right, and is every field honored?
  minikubelet run -o json pod.yaml       the same as one JSON object per line, for programs
  minikubelet mock --http 8080 --fail-after 30s
                                         a server whose health breaks, to try a probe on
  minikubelet daemon                     stay, and be driven by kubectl or by the commands here"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is returned, never raised."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    except BrokenPipeError:
        # The reader of our output has left: nothing more can be said, also not at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    except Exception:
        import traceback  # rarely needed

        traceback.print_exc()
        print("error: this is a bug in minikubelet, please report it", file=sys.stderr)
        return INTERNAL_ERROR


def _dispatch(arguments: list[str]) -> int:
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    if chosen == "version" or arguments[:1] in (["--version"], ["-V"]):
        print(f"minikubelet {__version__}")
        return 0
    if arguments[:1] == ["__complete"]:
        return int(_imported("completion").answer(arguments[1:], COMMANDS, parser_of))
    if chosen == "help":
        return _dispatch([*arguments[arguments.index(chosen) + 1 :], "--help"])
    parser = _parser()
    subparsers = parser.add_subparsers(
        title="commands",
        description=_commands_text(),
        metavar="COMMAND",
        dest="command",
        help="one of these; `minikubelet COMMAND --help` explains it with examples",
    )
    if chosen in COMMANDS:
        module = _imported(chosen.replace("-", "_"))
        module.add_parser(subparsers)
        own, trailing = _split(arguments, getattr(module, "TAKES_COMMAND", False))
        args = _parse(parser, subparsers.choices[chosen], own)
        args.command_line = trailing
        code: int = module.run(args)
        return code
    asked = arguments[:1] in (["-h"], ["--help"])
    if arguments and not asked:
        parser.error(unknown_command(parser, arguments, COMMANDS))
    parser.print_help()
    return 0 if asked else USAGE


def parser_of(command: str) -> argparse.ArgumentParser:
    """What a command understands."""
    subparsers = _parser().add_subparsers()
    _imported(command.replace("-", "_")).add_parser(subparsers)
    return subparsers.choices[command]


def _imported(name: str) -> ModuleType:
    """Without collections of garbage: modules stay, and later ones pass over them."""
    gc.disable()
    try:
        return importlib.import_module(f"minikubelet.cli.{name}")
    finally:
        gc.freeze()
        gc.enable()


def _parse(
    parser: CommandParser, chosen: CommandParser, arguments: list[str]
) -> argparse.Namespace:
    """Words of a command may stand behind its options too: `get pod -n team web`."""
    args, rest = parser.parse_known_args(arguments)
    words_only = hasattr(args, "words") and not any(word.startswith("-") for word in rest)
    if rest and not words_only:
        chosen.refuse(rest)
    if rest:
        args.words = [*(args.words or ()), *rest]
    return args


def _commands_text() -> str:
    """The commands by group; argparse itself knows one list only."""
    return "\n".join(
        "\n".join([f"{title}:", *(f"  {name:<14}{summary}" for name, summary in group.items())])
        for title, group in GROUPS.items()
    )


def _split(arguments: list[str], takes_command: bool) -> tuple[list[str], list[str] | None]:
    """The arguments, and what follows `--`: None without one."""
    if not takes_command or "--" not in arguments:
        return arguments, None
    index = arguments.index("--")
    return arguments[:index], arguments[index + 1 :]


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="minikubelet",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version and exit")
    return parser
