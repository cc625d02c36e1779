"""What can be set about the daemon: one table for the command line and for `config.yaml`.

Role: names, meaning and reading of each option. A flag `--state-dir` is the key `state-dir` of the
file; `stateDir` is understood as well.
Invariants: pure but for `path()`, which makes a relative path absolute against a given directory.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minikubelet.durations import duration
from minikubelet.manifest import names
from minikubelet.value_class import dataclass

_SIZE = re.compile(r"([0-9]{1,15})\s*(Ki|Mi|Gi|k|M|G)?")
_SIZE_UNITS = {
    "": 1,
    "k": 1000,
    "M": 1000**2,
    "G": 1000**3,
    "Ki": 1024,
    "Mi": 1024**2,
    "Gi": 1024**3,
}
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the API server listens; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. `read` takes its text, and raises ValueError with what is wrong."""

    name: str
    metavar: str
    help: str
    read: Callable[[str], Any]
    is_path: bool = False
    is_switch: bool = False
    is_map: bool = False

    @property
    def field(self) -> str:
        """Of `Config`, and of argparse's namespace."""
        return self.name.replace("-", "_")

    @property
    def camel(self) -> str:
        head, *rest = self.name.split("-")
        return head + "".join(part.capitalize() for part in rest)


def listen(text: str) -> Listen:
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not _NUMBER.fullmatch(port) or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:7443")
    if host != "localhost":
        _check_address(host, text)
    return Listen(host, int(port))


def address(text: str) -> str:
    _check_address(text, text)
    return text


def _check_address(host: str, text: str) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{text!r} holds no IP address: write one such as 127.0.0.1") from None


def node_name(text: str) -> str:
    if len(text) > names.LABEL_MAX or names.dns_subdomain(text):
        raise ValueError(
            f"{text!r} is no node name: lower case letters, digits, '-' and '.', at most 63"
        )
    return text


def count(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= 100_000:
        raise ValueError(f"{text!r} is not a number between 1 and 100000")
    return int(text)


def size(text: str) -> int:
    """Bytes: `64Mi`, `10M`, or a plain number."""
    match = _SIZE.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a size: write 64Mi, 1Gi or bytes")
    return int(match[1]) * _SIZE_UNITS[match[2] or ""]


def seconds(text: str) -> float:
    try:
        value = duration(text)
    except argparse.ArgumentTypeError as error:
        raise ValueError(str(error)) from None
    if value <= 0:
        raise ValueError(f"{text!r} is not longer than nothing")
    return value


def switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def label(text: str) -> tuple[str, str]:
    """`key=value`."""
    key, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"{text!r} is no label: write key=value")
    if problems := [*names.qualified_name(key), *names.label_value(value)]:
        raise ValueError(f"{text!r} is no label: {problems[0]}")
    return key, value


def path(text: str, base: Path) -> Path:
    """Absolute; relative ones begin at `base`, and `~` is the home directory."""
    if not text:
        raise ValueError("a path is wanted")
    try:
        expanded = Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{text!r} names a home directory that is not known") from None
    return Path(os.path.normpath(base / expanded))


OPTIONS: tuple[Option, ...] = (
    Option(
        "state-dir",
        "DIR",
        "objects, records and volumes of the Pods; alone it holds everything",
        str,
        is_path=True,
    ),
    Option("log-dir", "DIR", "container logs", str, is_path=True),
    Option("runtime-dir", "DIR", "sockets", str, is_path=True),
    Option("manifests", "DIR", "static Pod manifests: a directory or one file", str, is_path=True),
    Option("images", "FILE", "which local command stands for an image", str, is_path=True),
    Option("kubeconfig", "FILE", "where to write the access for kubectl", str, is_path=True),
    Option(
        "listen",
        "HOST:PORT",
        "where the API listens (127.0.0.1:7443); port 0 takes a free one",
        listen,
    ),
    Option("node-name", "NAME", "the name of this node (this host's)", node_name),
    Option("node-label", "KEY=VALUE", "a label of this node; may be repeated", label, is_map=True),
    Option("pod-ip", "IP", "the address of the node and of every Pod (127.0.0.1)", address),
    Option("max-pods", "N", "how many Pods may run (110)", count),
    Option("inherit-env", "", "give containers the daemon's environment", switch, is_switch=True),
    Option(
        "stop-pods-on-exit",
        "",
        "stop the Pods in order when the daemon is asked to end",
        switch,
        is_switch=True,
    ),
    Option("journal-max-size", "SIZE", "how much of the past `why` can explain (64Mi)", size),
    Option("journal-max-age", "TIME", "and how far back (720h)", seconds),
    Option("event-ttl", "TIME", "how long Events are kept (1h)", seconds),
)
BY_KEY = {key: option for option in OPTIONS for key in (option.name, option.camel)}
