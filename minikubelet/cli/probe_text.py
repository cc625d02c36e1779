"""`minikubelet probe` for people: what one attempt did, its verdict, and hints. Pure.

web/app liveness: http-get http://127.0.0.1:8080/healthz, timeout 1s
     0.2 ms  connected to 127.0.0.1:8080 from 127.0.0.1:53412
     0.3 ms  sent GET /healthz HTTP/1.1
               Host: 127.0.0.1:8080
     1.9 ms  first bytes: HTTP/1.1 404 Not Found
  FAILURE in 2.0 ms, 998.0 ms before the time-out
  event: Liveness probe failed: HTTP probe failed with statuscode: 404
  hint: the server does not know "/healthz"; /health answers: change path
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from minikubelet.cli import colors
from minikubelet.events import probe_event_text
from minikubelet.manifest.pod import Pod
from minikubelet.pod.durations import go_duration
from minikubelet.probes.addresses import join_host_port
from minikubelet.probes.attempt import Attempt, Examined
from minikubelet.probes.first_bytes import is_http2, is_tls_alert
from minikubelet.probes.hints import hints_of
from minikubelet.probes.http_request import REDIRECTS
from minikubelet.probes.http_response import quote_bytes
from minikubelet.probes.http_url import probe_url
from minikubelet.probes.ports import PortError, resolve_port
from minikubelet.probes.prober import ProbeTarget
from minikubelet.probes.trace import (
    BodyRead,
    CallAnswered,
    CallSent,
    CommandEnded,
    CommandRun,
    Connected,
    Connecting,
    Fact,
    FirstBytes,
    HeadRead,
    HostResolved,
    HTTP2Ready,
    NotConnected,
    Redirected,
    RequestSent,
    Secured,
    Step,
)

_EXCERPT = 120
_OUTPUT_LINES = 10
_TIME_WIDTH = 12


def count_line(examined: Sequence[Examined]) -> str:
    """`2 probes: 1 succeeded, 1 failed`."""
    failed = sum(not item.attempt.succeeded for item in examined)
    many = "1 probe" if len(examined) == 1 else f"{len(examined)} probes"
    return f"{many}: {len(examined) - failed} succeeded, {failed} failed"


def probe_lines(examined: Examined, *, color: bool) -> list[str]:
    attempt = examined.attempt
    head = heading(attempt.target)
    lines = [f"{colors.BOLD}{head}{colors.RESET}" if color else head]
    lines += _step_lines(attempt.steps)
    verdict, tone = _verdict(attempt)
    lines.append(f"  {tone}{verdict}{colors.RESET}" if color else f"  {verdict}")
    result, kind = attempt.result, attempt.target.probe.kind
    event = probe_event_text(kind, result.outcome, result.output, result.error)
    if event:
        lines += _indented("  event: ", event)
    lines += [f"  hint: {hint.text}" for hint in hints_of(examined)]
    return [colors.printable(line) for line in lines]


def heading(target: ProbeTarget) -> str:
    """Which probe, and what it does: as `kubectl describe` has it (V-36)."""
    probe = target.probe
    limit = go_duration(probe.timeout_seconds)
    where = f"{_pod_name(target.pod)}/{target.container.name} {probe.kind.lower()}"
    return f"{where}: {handler_text(target)}, timeout {limit}"


def handler_text(target: ProbeTarget) -> str:
    probe, ip = target.probe, target.pod_ip
    if probe.exec is not None:
        return f"exec {shlex.join(probe.exec.command)}"
    if probe.http_get is not None:
        action = probe.http_get
        host = action.host or ip
        number = _port(action.port, target)
        if number is None:
            return f"http-get {action.scheme.lower()}://{join_host_port(host, action.port)}"
        return f"http-get {probe_url(action.scheme, host, number, action.path)}"
    if probe.tcp_socket is not None:
        tcp = probe.tcp_socket
        return f"tcp-socket {join_host_port(tcp.host or ip, _port(tcp.port, target) or tcp.port)}"
    if probe.grpc is not None:
        service = f" {probe.grpc.service}" if probe.grpc.service else ""
        return f"grpc {join_host_port(ip, probe.grpc.port)}{service}"
    return "no handler"


def _port(port: int | str, target: ProbeTarget) -> int | None:
    try:
        return resolve_port(port, target.container)
    except PortError:
        return None


def _pod_name(pod: Pod) -> str:
    meta = pod.metadata
    return meta.name if meta.namespace == "default" else f"{meta.namespace}/{meta.name}"


def _verdict(attempt: Attempt) -> tuple[str, str]:
    result = attempt.result
    took = _milliseconds(attempt.seconds)
    if result.error:
        return "ERROR: no attempt could be made, which counts as a failure", colors.RED
    margin = attempt.margin_seconds
    rest = (
        f"in {took}, {_milliseconds(margin)} before the time-out"
        if margin > 0
        else f"after {took}: time-out"
    )
    if not attempt.succeeded:
        return f"FAILURE {rest}", colors.RED
    if result.outcome == "warning":
        return f"WARNING {rest}; it counts as a success", colors.YELLOW
    return f"SUCCESS {rest}", colors.GREEN


def _step_lines(steps: Sequence[Step]) -> Iterator[str]:
    """Connections that go the same way, as a grpc probe makes them, are told once."""
    told: list[Fact] = []
    for facts, group in groupby(_connections(steps), key=_without_local_ports):
        first, *more = group
        for step in first:
            lines = _fact_lines(step.fact, told)
            told.append(step.fact)
            if lines:
                yield f"{_milliseconds(step.at_seconds):>{_TIME_WIDTH}}  {lines[0]}"
                yield from (f"{'':{_TIME_WIDTH}}    {line}" for line in lines[1:])
        if more:
            last = _milliseconds(more[-1][-1].at_seconds)
            told += facts
            yield f"{'':{_TIME_WIDTH}}  and {len(more)} times more the same, until {last}"


def _connections(steps: Sequence[Step]) -> list[list[Step]]:
    """The steps, cut before each connection."""
    parts: list[list[Step]] = []
    for step in steps:
        if not parts or isinstance(step.fact, Connecting):
            parts.append([])
        parts[-1].append(step)
    return parts


def _without_local_ports(steps: Sequence[Step]) -> tuple[Fact, ...]:
    facts = (step.fact for step in steps)
    return tuple(replace(fact, local="") if isinstance(fact, Connected) else fact for fact in facts)


def _fact_lines(fact: Fact, told: Sequence[Fact]) -> tuple[str, ...]:
    """What a fact says after those that were told before it."""
    match fact:
        case HostResolved(host, addresses):
            return (f"{host} is {', '.join(addresses)}",)
        case Connecting() | HeadRead():
            return ()  # what follows them says it
        case Connected(address, local):
            return (f"connected to {address} from {local}",)
        case NotConnected(why):
            return (f"not connected: {why}",)
        case Secured(version, cipher, server_name):
            name = f" for {server_name}" if server_name else ""
            return (f"{version} established{name} ({cipher}), certificate not verified",)
        case RequestSent(_, data):
            first, *headers = data.decode(errors="replace").rstrip("\r\n").split("\r\n")
            return (f"sent {first}", *headers)
        case CallSent(_, service):
            about = f"service {service}" if service else "the whole server"
            return (f"sent grpc.health.v1.Health/Check for {about}",)
        case FirstBytes(data):
            return (f"first bytes: {_beginning(data)}" if data else "closed by the server",)
        case BodyRead(body, truncated):
            return _body_lines(body, truncated=truncated)
        case Redirected(location, followed):
            return (f"redirect to {location} {_redirect_rule(told, followed=followed)}",)
        case HTTP2Ready():
            return ("HTTP/2 is ready",)
        case CallAnswered(code, message, serving):
            return (f"answered {code}: {serving or message or 'no message'}",)
        case CommandRun(argv, in_container):
            place = "on this host, not in the container's mount namespace"
            where = "in the container" if in_container else place
            return (f"run {where}: {shlex.join(argv)}",)
        case CommandEnded():
            return _command_lines(fact)


def _redirect_rule(told: Sequence[Fact], *, followed: bool) -> str:
    if followed:
        return "is followed: the hostname is the same"
    status = next(fact.status for fact in reversed(told) if isinstance(fact, HeadRead))
    if status not in REDIRECTS:
        return f"is not followed: status {status} is none that leads elsewhere"
    return "is not followed: another hostname; the redirect itself is the answer"


def _body_lines(body: bytes, *, truncated: bool) -> tuple[str, ...]:
    if truncated:
        return (f"body, cut after {len(body)} bytes: {_line(body)}",)
    more = " …" if b"\n" in body.rstrip() else ""
    return (f"body of {len(body)} bytes: {_line(body)}{more}" if body else "no body",)


def _command_lines(ended: CommandEnded) -> tuple[str, ...]:
    result = ended.result
    timing = f"(started in {_milliseconds(result.spawn_seconds)})"
    run = _milliseconds(result.run_seconds)
    if result.timed_out:
        first = f"killed after {run} {timing}"
    else:
        first = f"exit code {result.exit_code} after {run} {timing}"
    lines = [first]
    for name, data in (("stdout", result.stdout), ("stderr", result.stderr)):
        texts = data.decode(errors="replace").splitlines()
        lines += [f"{name}: {text}" for text in texts[:_OUTPUT_LINES]]
        if len(texts) > _OUTPUT_LINES:
            lines.append(f"{name}: {len(texts) - _OUTPUT_LINES} more lines")
    return tuple(lines)


def _beginning(data: bytes) -> str:
    if is_http2(data):
        return "HTTP/2 settings"
    return "a TLS alert" if is_tls_alert(data) else _line(data)


def _line(data: bytes) -> str:
    """The first line, shortened; what is no text is quoted."""
    line = data.partition(b"\n")[0].rstrip(b"\r")
    text = line[:_EXCERPT].decode(errors="replace")
    if not text.isprintable() or "\ufffd" in text:
        return quote_bytes(data[: _EXCERPT // 4])
    return text if len(line) <= _EXCERPT else f"{text} …"


def _indented(label: str, text: str) -> list[str]:
    first, *rest = text.rstrip("\n").split("\n")
    return [f"{label}{first}", *(f"{'':{len(label)}}{line}" for line in rest)]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
