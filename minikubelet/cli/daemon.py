"""`minikubelet daemon`: a node that lasts, driven by kubectl and a directory of manifests.

Role: arguments, configuration, the first words to the user; the parts are built in
`minikubelet/daemon/`.
Exit codes: 0 asked to end; 1 it cannot start, or cannot go on; 2 usage or configuration.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from minikubelet.daemon.config import ConfigError, load_config
from minikubelet.daemon.options import OPTIONS, Option
from minikubelet.default_paths import default_paths

USAGE = 2
CANNOT_START = 1

_EPILOG = """\
examples:
  minikubelet daemon                        as root: /var/lib, /var/log, /run and /etc/minikubelet;
                                            as a user: below ~/.local/state and ~/.config
  minikubelet daemon --state-dir ./node     everything in one directory
  minikubelet daemon --manifests ./pods     run the Pods of a directory, and follow its changes
  minikubelet daemon --listen 127.0.0.1:0   the API on any free port

The daemon prints how to use it: export KUBECONFIG=…; kubectl get pods. Pods go on while the daemon
is stopped, killed or upgraded, and the next one takes them over; --stop-pods-on-exit stops them.

Every option can stand in config.yaml under the same name; a flag wins. The file is looked
for in /etc/minikubelet as root, and in ~/.config/minikubelet as a user."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "daemon",
        help="a lasting node that kubectl drives",
        description="Run Pods from the API and from a directory of manifests, until stopped.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="config.yaml to read (see below)")
    for option in OPTIONS:
        _add_option(parser, option)


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    flag = f"--{option.name}"
    if option.is_switch:
        # None when not given: then the file counts.
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=option.help)
        return
    parser.add_argument(
        flag,
        metavar=option.metavar,
        type=_typed(option.read),
        action="append" if option.is_map else "store",
        help=option.help,
    )


def _typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """For argparse, which shows the text of this error only."""

    def typed(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


def run(args: argparse.Namespace) -> int:
    config_file = Path(args.config).absolute() if args.config else None
    paths = default_paths()
    try:
        config = load_config(vars(args), config_file, paths, Path.cwd())
    except ConfigError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return USAGE
    if config.manifests == paths.manifest_dir:
        _make_ready(paths.manifest_dir)
    _log_to_stderr(under_systemd="JOURNAL_STREAM" in os.environ)
    from minikubelet.daemon.daemon import CannotStartError, run_daemon  # heavy, and only for this

    try:
        asyncio.run(run_daemon(config, announce=lambda text: print(text, flush=True)))
    except CannotStartError as error:
        print(f"error: {error}", file=sys.stderr)
        return CANNOT_START
    return 0


def _make_ready(manifest_dir: Path) -> None:
    """The place that is told to the user, so that a manifest can be put there."""
    with suppress(OSError):  # where /etc is read-only, Pods come from the API alone
        manifest_dir.mkdir(parents=True, exist_ok=True)


def _log_to_stderr(*, under_systemd: bool) -> None:
    """The journal of systemd has its own times."""
    times = "" if under_systemd else "%(asctime)s "
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format=f"{times}%(levelname)s %(message)s"
    )
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
