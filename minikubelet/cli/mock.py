"""`minikubelet mock`: the mock server on the command line."""

from __future__ import annotations

import argparse

from minikubelet.mock.command_line import SUMMARY, add_options
from minikubelet.mock.command_line import run as serve


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    add_options(subparsers.add_parser("mock", help=SUMMARY))


def run(args: argparse.Namespace) -> int:
    return serve(args)
