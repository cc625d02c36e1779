"""The kubeconfig that the daemon writes for its users (K-2, K-3).

Role: render it (pure) and put it in place. A file of its own: no other kubeconfig is touched.
"""

from __future__ import annotations

import base64
import ipaddress
import stat
from pathlib import Path

from minikubelet.apiserver.private_files import write_private

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


def write_kubeconfig(path: Path, text: str) -> None:
    """0600, at one stroke; a directory that is missing is made, 0700. Raises OSError.

    One that is right already is left alone: a full disk is no reason not to start."""
    if not _is_written(path, text.encode()):
        write_private(path, text.encode())


def _is_written(path: Path, data: bytes) -> bool:
    try:
        return stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_bytes() == data
    except OSError:
        return False
