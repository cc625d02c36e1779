"""Which API server to talk to, and with what credentials.

Role: `--kubeconfig`, else `$KUBECONFIG`, else what the daemon wrote at its default place.
Invariants: nothing heavy is imported for the daemon's own kubeconfig, since each command waits
for it; others are read as YAML.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minikubelet.default_paths import default_paths, kubeconfig_path
from minikubelet.value_class import dataclass

_OWN = re.compile(
    r"apiVersion: v1\nkind: Config\ncurrent-context: (\S+)\n"
    r"clusters:\n- name: \1\n  cluster:\n    server: (\S+)\n"
    r"    certificate-authority-data: (\S+)\n"
    r"users:\n- name: \1\n  user:\n    token: (\S+)\n"
    r"contexts:\n- name: \1\n  context:\n    cluster: \1\n    user: \1\n"
)
"""The form that the daemon writes (`apiserver/kubeconfig.py`)."""


class KubeconfigError(Exception):
    """There is none, or it does not say what is needed; the text tells the user what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where the API is, and how to be let in."""

    server: str
    source: str
    """What said so, for messages."""
    namespace: str = "default"
    authority: str = ""
    """Certificates in PEM; empty for those that the system trusts."""
    token: str = ""
    client_certificate: bytes = b""
    client_key: bytes = b""
    insecure: bool = False


def chosen_path(option: str | None, environ: Mapping[str, str]) -> Path:
    """The kubeconfig to use; of a list in `$KUBECONFIG` the first file that exists."""
    if option:
        return Path(option)
    listed = [part for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if listed:
        return Path(next((part for part in listed if os.path.exists(part)), listed[0]))
    return kubeconfig_path(default_paths(environ).state_dir)


def find_cluster(option: str | None, environ: Mapping[str, str]) -> Cluster:
    """Raises KubeconfigError."""
    path = chosen_path(option, environ)
    try:
        text = path.read_text()
    except FileNotFoundError:
        given = "--kubeconfig" if option else "$KUBECONFIG" if environ.get("KUBECONFIG") else ""
        if given:
            raise KubeconfigError(f"{given} names {path}, which does not exist") from None
        raise KubeconfigError(
            f"no daemon has run here: {path} does not exist. Start one with `minikubelet daemon`, "
            "or name its kubeconfig with --kubeconfig or $KUBECONFIG"
        ) from None
    except (OSError, UnicodeDecodeError) as err:
        why = (getattr(err, "strerror", None) or str(err)).lower()
        raise KubeconfigError(f"cannot read {path}: {why}") from err
    return read_cluster(text, path)


def read_cluster(text: str, path: Path) -> Cluster:
    """The current context of a kubeconfig; files it names are relative to it."""
    if (own := _OWN.fullmatch(text)) is not None:
        authority = _text(_decoded(own[3], path), "certificate", path)
        return Cluster(server=own[2], source=str(path), authority=authority, token=own[4])
    import yaml

    try:
        config = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as err:
        raise KubeconfigError(f"{path} is not YAML: {str(err).splitlines()[0]}") from err
    if not isinstance(config, dict):
        raise KubeconfigError(f"{path} is not a kubeconfig")
    if not config.get("current-context"):
        raise KubeconfigError(
            f"{path} is no kubeconfig with a current-context: minikubelet kubeconfig prints where "
            "the daemon's is"
        )
    context = _named(config, "context", config.get("current-context"), path)
    cluster = _named(config, "cluster", context.get("cluster"), path)
    user = _named(config, "user", context["user"], path) if context.get("user") else {}
    found = Cluster(
        server=str(cluster.get("server") or ""),
        source=str(path),
        namespace=str(context.get("namespace") or "default"),
        authority=_text(_material(cluster, "certificate-authority", path), "certificate", path),
        token=_token(user, path),
        client_certificate=_material(user, "client-certificate", path),
        client_key=_material(user, "client-key", path),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
    )
    return replace(found, server=_address(found, path))


def _address(cluster: Cluster, path: Path) -> str:
    """As a URL; kubectl takes `host:port` too."""
    if not cluster.server:
        raise KubeconfigError(f"{path} names no server")
    has_tls = cluster.authority or cluster.client_certificate or cluster.insecure
    scheme = "" if "://" in cluster.server else "https://" if has_tls else "http://"
    try:
        url = urlsplit(scheme + cluster.server)
        good = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port)
    except ValueError:
        good = False
    if not good:
        raise KubeconfigError(
            f"{path} names a server at no address of http or https: {cluster.server}"
        )
    return scheme + cluster.server


def _named(config: Mapping[str, Any], what: str, name: Any, path: Path) -> dict[str, Any]:
    for entry in config.get(f"{what}s") or ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(what) or {}
            if isinstance(found, dict):
                return found
            raise KubeconfigError(f"{path}: {what} {name!r} is not a mapping")
    raise KubeconfigError(f"{path} has no {what} {name!r}")


def _material(entry: Mapping[str, Any], name: str, path: Path) -> bytes:
    """A certificate or key: written in, or in a file."""
    if data := entry.get(f"{name}-data"):
        return _decoded(str(data), path)
    return _file(entry, name, path)


def _file(entry: Mapping[str, Any], name: str, path: Path) -> bytes:
    if not entry.get(name):
        return b""
    file = path.parent / str(entry[name])
    try:
        return file.read_bytes()
    except OSError as err:
        why = (err.strerror or str(err)).lower()
        raise KubeconfigError(f"cannot read {file}, which {path} names: {why}") from err


def _token(user: Mapping[str, Any], path: Path) -> str:
    if not (token := str(user.get("token") or "")):
        token = _text(_file(user, "tokenFile", path), "token", path).strip()
    if not (token.isascii() and token.isprintable()):
        raise KubeconfigError(f"{path} holds a token that cannot be sent")
    return token


def _decoded(data: str, path: Path) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as err:
        raise KubeconfigError(f"{path} holds a certificate that is not base64") from err


def _text(data: bytes, what: str, path: Path) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as err:
        raise KubeconfigError(f"{path} holds a {what} that is no text") from err
