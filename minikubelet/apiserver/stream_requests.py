"""What a request for exec, attach or port-forward asks for (sections 11 and 12).

Role: query, headers and the pod → values, or the error that comes before the upgrade (K-50). Pure.
Upstream: pkg/registry/core/pod `ExecLocation` and `streamLocation`, pkg/kubelet `GetExec` and
`getPortForward`; apimachinery httpstream `Handshake`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from minikubelet.apiserver.pod_instances import chosen_container, container_status
from minikubelet.apiserver.requests import Query, boolean
from minikubelet.apiserver.responses import ApiError, bad_request
from minikubelet.apiserver.wire.channels import (
    CHANNEL_PROTOCOLS,
    ChannelProtocol,
    choose_channel_protocol,
)
from minikubelet.manifest.json_tree import Json, object_in
from minikubelet.value_class import dataclass

SPDY_PROTOCOL_HEADER = "X-Stream-Protocol-Version"
SPDY_ACCEPTED_HEADER = "X-Accepted-Stream-Protocol-Versions"
PORT_FORWARD = "portforward.k8s.io"
TUNNELED_PORT_FORWARD = f"SPDY/3.1+{PORT_FORWARD}"
_FINISHED = ("Succeeded", "Failed")
_NO_STREAM = "you must specify at least 1 of stdin, stdout, stderr"
_NO_COMMAND = "you must specify at least one command for the container"
_NO_PORT = 'query parameter "port" is required'


class Transport(StrEnum):
    WEBSOCKET = "websocket"
    SPDY = "SPDY/3.1"


class Verb(StrEnum):
    EXEC = "exec"
    ATTACH = "attach"


@dataclass(frozen=True, slots=True)
class StreamOptions:
    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpdyVersion:
    """`status_json` as for channels; `resize`: there is a stream for the terminal's size."""

    name: str
    status_json: bool = False
    resize: bool = False


_SPDY_VERSIONS = {
    version.name: version
    for version in (
        SpdyVersion("v4.channel.k8s.io", status_json=True, resize=True),
        SpdyVersion("v3.channel.k8s.io", resize=True),
        SpdyVersion("v2.channel.k8s.io"),
        SpdyVersion("channel.k8s.io"),
    )
}


def stream_options(query: Query, verb: Verb) -> StreamOptions:
    """Raises ApiError 400."""
    tty = boolean(query, "tty")
    options = StreamOptions(
        stdin=boolean(query, "stdin"),
        stdout=boolean(query, "stdout"),
        stderr=boolean(query, "stderr") and not tty,  # a terminal has one output
        tty=tty,
        command=tuple(query.getall("command", [])) if verb is Verb.EXEC else (),
    )
    if verb is Verb.EXEC and not options.command:
        raise bad_request(_NO_COMMAND)
    if not (options.stdin or options.stdout or options.stderr):
        raise bad_request(_NO_STREAM)
    return options


def running_container(pod: Json, asked: str, verb: Verb) -> str:
    """The id of the instance to talk to. Raises ApiError."""
    container = chosen_container(pod, asked)
    _check_bound(pod)
    phase = (object_in(pod, "status") or {}).get("phase", "")
    if phase in _FINISHED:
        what = "exec into" if verb is Verb.EXEC else "attach"
        message = f"cannot {what} a container in a completed pod; current phase is {phase}"
        raise bad_request(message)
    status = container_status(pod, container) or {}
    state = object_in(status, "state") or {}
    if object_in(state, "running") is None or not status.get("containerID"):
        # The kubelet's own words, and what kubectl puts in front of those.
        message = f'unable to upgrade connection: container not found ("{container}")'
        raise ApiError(500, "InternalError", message, details={"causes": [{"message": message}]})
    return str(status["containerID"])


def forwarding_address(pod: Json) -> str:
    """Where the pod's ports are. Raises ApiError 400."""
    _check_bound(pod)
    status = object_in(pod, "status") or {}
    phase = status.get("phase", "")
    address = status.get("podIP")
    if phase != "Running" or not address:
        raise bad_request(
            f"unable to forward port because pod is not running. Current status={phase}"
        )
    return str(address)


def forwarded_ports(query: Query) -> tuple[int, ...]:
    """`ports=P`, repeated or with commas between. Raises ApiError 400."""
    texts = [text for value in query.getall("ports", []) for text in value.split(",") if text]
    if not texts:
        raise bad_request(_NO_PORT.replace("port", "ports"))
    return tuple(map(_port, texts))


def parse_port(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 0xFFFF):
        return None
    return int(text)


def requested_transport(upgrade: str, connection: str) -> Transport:
    """By the headers of those names. Raises ApiError 400 for a request that is no upgrade."""
    tokens = {token.strip().lower() for token in connection.split(",")}
    found = next((t for t in Transport if t.value.lower() == upgrade.strip().lower()), None)
    if found is None or "upgrade" not in tokens:
        raise bad_request("Upgrade request required")
    return found


def listed(values: Iterable[str]) -> list[str]:
    """Of a header that may come several times, each with a list."""
    return [text.strip() for value in values for text in value.split(",") if text.strip()]


def choose_channels(offered: Iterable[str]) -> ChannelProtocol:
    """Raises ApiError 403."""
    offers = list(offered)
    chosen = choose_channel_protocol(offers)
    if chosen is None:
        raise _unsupported(offers, CHANNEL_PROTOCOLS)
    return chosen


def choose_spdy_version(offered: Iterable[str]) -> SpdyVersion:
    """Raises ApiError 400 without an offer, 403 for one that is not known."""
    return _SPDY_VERSIONS[choose_spdy_protocol(offered, _SPDY_VERSIONS)]


def choose_spdy_protocol(offered: Iterable[str], known: Iterable[str]) -> str:
    offers, names = list(offered), list(known)
    if not offers:
        raise bad_request(f"unable to upgrade: {SPDY_PROTOCOL_HEADER} is required")
    chosen = next((name for name in offers if name in names), None)
    if chosen is None:
        raise _unsupported(offers, names)
    return chosen


class UnsupportedProtocolError(ApiError):
    """403; `accepted` belongs into a header of the answer."""

    def __init__(self, message: str, accepted: tuple[str, ...]) -> None:
        super().__init__(403, "Forbidden", message)
        self.accepted = accepted


def _unsupported(offers: list[str], known: Iterable[str]) -> ApiError:
    names = tuple(known)
    message = (
        f"unable to upgrade: unable to negotiate protocol: client supports [{' '.join(offers)}], "
        f"server accepts [{' '.join(names)}]"
    )
    return UnsupportedProtocolError(message, names)


def _port(text: str) -> int:
    port = parse_port(text)
    if port is None:
        raise bad_request(f"unable to parse {text!r} as a port: it must be 1 to 65535")
    return port


def _check_bound(pod: Json) -> None:
    if not (object_in(pod, "spec") or {}).get("nodeName"):
        name = (object_in(pod, "metadata") or {}).get("name", "")
        raise bad_request(f"pod {name} does not have a host assigned")
