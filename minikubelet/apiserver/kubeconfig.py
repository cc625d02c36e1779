"""The kubeconfig that the daemon writes for its users (K-2, K-3).

Role: render it (pure) and put it in place. By default a file of its own; in one that has other
clusters too, their entries are left as they are.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from minikubelet.apiserver.private_files import write_private
from minikubelet.log import get_logger

log = get_logger(__name__)

_NAME = "minikubelet"


def server_url(host: str, port: int) -> str:
    """How a client on this host reaches what listens on `host`: by loopback, where that does."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return f"https://{host or '127.0.0.1'}:{port}"
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"https://[{address}]:{port}" if address.version == 6 else f"https://{address}:{port}"


def render_kubeconfig(server: str, ca_pem: bytes, token: str) -> str:
    """One cluster, user and context; the token is the credential."""
    authority = base64.b64encode(ca_pem).decode("ascii")
    return f"""\
apiVersion: v1
kind: Config
current-context: {_NAME}
clusters:
- name: {_NAME}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {_NAME}
  user:
    token: {token}
contexts:
- name: {_NAME}
  context:
    cluster: {_NAME}
    user: {_NAME}
"""


def merged_kubeconfig(existing: str, ours: str) -> str:
    """What somebody added to `existing`, with the cluster, the user and the context of `ours` in
    their places. The user's choice of namespace and of the current context stays, once there is a
    context of ours. Raises ValueError when `existing` is no kubeconfig."""
    found, own = _parse(existing), _parse(ours)
    if not found:
        return ours
    merged = dict(found)
    contexts = _named(merged, "contexts")
    was_known = _NAME in contexts
    for plural in ("clusters", "users"):
        merged[plural] = list((_named(merged, plural) | _named(own, plural)).values())
    entry = _named(own, "contexts")[_NAME]
    if was_known:
        edited = contexts[_NAME].get("context")
        kept = edited if isinstance(edited, dict) else {}
        entry = {"name": _NAME, "context": kept | entry["context"]}
    merged["contexts"] = list((contexts | {_NAME: entry}).values())
    if not was_known or not merged.get("current-context"):
        merged["current-context"] = _NAME
    return existing if merged == found else yaml.safe_dump(own | merged, sort_keys=False)


def _parse(text: str) -> dict[str, Any]:
    try:
        config = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
    except yaml.YAMLError as err:
        raise ValueError(str(err)) from err
    if not isinstance(config, dict) or config.get("kind", "Config") != "Config":
        raise ValueError("it is of another kind")
    return config


def _named(config: Mapping[str, Any], plural: str) -> dict[str, dict[str, Any]]:
    entries = config.get(plural) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{plural} is no list of objects")
    return {str(entry.get("name")): entry for entry in entries}


def write_kubeconfig(path: Path, text: str) -> None:
    """0600, at one stroke; a directory that is missing is made, 0700. Raises OSError.

    What else somebody keeps in the file stays; a file that is no kubeconfig is kept beside it. One
    that is right already is left alone: a full disk is no reason not to start."""
    try:
        text = merged_kubeconfig(path.read_bytes().decode(), text)
    except FileNotFoundError:
        pass
    except ValueError as err:
        aside = path.with_name(f"{path.name}.old")
        os.replace(path, aside)
        log.warning("not a kubeconfig, kept aside", path=path, kept=aside, error=err)
    if not _is_written(path, text.encode()):
        write_private(path, text.encode())


def _is_written(path: Path, data: bytes) -> bool:
    try:
        return stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_bytes() == data
    except OSError:
        return False
