"""Rules about what network probes ask: MK201 … MK209. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.pod import Container, HTTPGetAction, Probe, ProbeKind, TCPSocketAction
from minikubelet.plan.finding import PROBE_FIELDS, Harm, Moment, Subject, moments

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HANDLERS = {"http_get": "httpGet", "tcp_socket": "tcpSocket", "grpc": "grpc"}


def undeclared_port(subject: Subject) -> Iterator[Harm]:
    """MK201. Silent for a container that declares none, and for the ports of others (MK203)."""
    declared = {port.container_port for port in subject.container.ports}
    for probe, field, port in _numeric_ports(subject):
        if not declared or port in declared or _owner(subject, port):
            continue
        ports = ", ".join(str(number) for number in sorted(declared))
        yield Harm(
            subject.probe_path(probe).child(field, "port"),
            f"{port} is not among the declared ports ({ports})",
            _if_nobody_answers(subject, probe, f"port {port}"),
            "correct it, or declare the port",
        )


def named_port_missing(subject: Subject) -> Iterator[Harm]:
    """MK202 (P-303, B-8)."""
    names = {port.name for port in subject.container.ports}
    for probe in subject.container.probes():
        plan = subject.container_plan.probe(probe.kind)
        for field, action in (("httpGet", probe.http_get), ("tcpSocket", probe.tcp_socket)):
            if not action or not isinstance(action.port, str) or action.port in names or not plan:
                continue
            yield Harm(
                subject.probe_path(probe).child(field, "port"),
                f"no port of this container is named {action.port}: on a cluster the probe never "
                "counts, whatever the app does",
                moments(
                    (0.0, "the process starts"),
                    (plan.first_attempt.earliest, "the port cannot be resolved: no result"),
                    (plan.first_attempt.earliest + probe.period_seconds, "again, and so on"),
                ),
                "name the port in ports, or give its number",
            )


def port_of_another_container(subject: Subject) -> Iterator[Harm]:
    """MK203. The containers of a pod share one network, so the wrong one answers."""
    declared = {port.container_port for port in subject.container.ports}
    for probe, field, port in _numeric_ports(subject):
        owner = _owner(subject, port)
        if port in declared or not owner:
            continue
        yield Harm(
            subject.probe_path(probe).child(field, "port"),
            f"{port} is the port of container {owner}: its health decides about this container",
            _if_nobody_answers(subject, probe, owner),
            "probe a port of this container",
        )


def udp_port(subject: Subject) -> Iterator[Harm]:
    """MK204."""
    tcp = {port.container_port for port in subject.container.ports if port.protocol == "TCP"}
    udp = {port.container_port for port in subject.container.ports if port.protocol == "UDP"}
    for probe, field, port in _numeric_ports(subject):
        if port in udp and port not in tcp:
            yield Harm(
                subject.probe_path(probe).child(field, "port"),
                f"{port} is declared for UDP, and probes connect by TCP",
                _if_nobody_answers(subject, probe, f"TCP port {port}"),
                "probe a TCP port, or use an exec probe",
            )


def redirect_counts_as_success(subject: Subject) -> Iterator[Harm]:
    """MK205 (P-321, P-322). An app that is given a name redirects to it."""
    for probe, action in _http(subject):
        for index, header in enumerate(action.http_headers):
            if header.name.lower() != "host" or header.value == action.host:
                continue
            first = subject.container_plan.probe(probe.kind)
            begin = first.first_attempt.earliest if first else 0.0
            yield Harm(
                subject.probe_path(probe).child("httpGet", "httpHeaders").index(index),
                f"a redirect to {header.value} leads to another host than the probe's: it is not "
                "followed, and counts as success, also when it goes to a login or error page",
                moments(
                    (0.0, "the process starts, and breaks"),
                    (begin, f"the app redirects to https://{header.value}/error"),
                    (begin, f"success: {PROBE_FIELDS[probe.kind]} passes"),
                ),
                "make sure that the path answers by itself, without a redirect",
            )


def another_host(subject: Subject) -> Iterator[Harm]:
    """MK206."""
    for probe, field, host in _hosts(subject):
        if host and host not in _LOOPBACK:
            yield Harm(
                subject.probe_path(probe).child(field, "host"),
                f"the probe asks {host}, not this container",
                _if_nobody_answers(subject, probe, host),
                "leave host out: the address of the Pod is the default",
            )


def loopback_host(subject: Subject) -> Iterator[Harm]:
    """MK207. On a cluster the kubelet connects from the node, outside of the pod's network."""
    for probe, field, host in _hosts(subject):
        if host in _LOOPBACK and not subject.pod.spec.host_network:
            yield Harm(
                subject.probe_path(probe).child(field, "host"),
                f"on a cluster {host} is the node, not the Pod",
                _if_nobody_answers(subject, probe, "the node"),
                "leave host out, and let the app listen on all addresses",
            )


def path_is_not_expanded(subject: Subject) -> Iterator[Harm]:
    """MK208 (P-341 is for exec alone)."""
    for probe, action in _http(subject):
        values = (action.path, *(header.value for header in action.http_headers))
        literal = next((value for value in values if "$(" in value), None)
        if literal is not None:
            yield Harm(
                subject.probe_path(probe).child("httpGet"),
                f"{literal} is sent as it stands: $(NAME) is expanded in exec probes only",
                _if_nobody_answers(subject, probe, literal),
                "write the value itself",
            )


def hang_is_not_seen(subject: Subject) -> Iterator[Harm]:
    """MK209. The kernel accepts connections for an app that hangs."""
    liveness, readiness = subject.container.liveness_probe, subject.container.readiness_probe
    if not liveness or not readiness or not liveness.tcp_socket or not readiness.http_get:
        return
    if _number(liveness.tcp_socket.port, subject.container) != _number(
        readiness.http_get.port, subject.container
    ):
        return
    plan = subject.container_plan.probe(ProbeKind.READINESS)
    unready = plan.detects_hang.latest if plan and plan.detects_hang else None
    first = float(liveness.period_seconds)
    yield Harm(
        subject.probe_path(liveness).child("tcpSocket"),
        "never notices that the app hangs: the kernel accepts its connections",
        moments(
            (0.0, "the app hangs"),
            (first, "livenessProbe connects: success, and so on for ever"),
            (max(unready or 0.0, first), "readinessProbe has failed: the Pod is out of service"),
        ),
        "use httpGet, as readinessProbe does",
    )


def _if_nobody_answers(subject: Subject, probe: Probe, what: str) -> tuple[Moment, ...]:
    """What the container gets when the wrong place is asked, and fails."""
    plan = subject.container_plan.probe(probe.kind)
    if plan is None:
        return ()
    begin = plan.first_attempt.earliest
    lines = [(0.0, "the process starts, and is well")]
    lines.append((begin, f"{PROBE_FIELDS[probe.kind]} asks {what} and fails"))
    if plan.gives_up is not None:
        lines.append((plan.gives_up.earliest, "the container is killed, though it is well"))
    else:
        lines.append((begin + probe.period_seconds, "the container is still not Ready, and so on"))
    return moments(*lines)


def _numeric_ports(subject: Subject) -> Iterator[tuple[Probe, str, int]]:
    for probe in subject.container.probes():
        for name, field in _HANDLERS.items():
            action = getattr(probe, name)
            if action is not None and isinstance(action.port, int) and not _host(action):
                yield probe, field, action.port


def _host(action: object) -> str:
    return str(getattr(action, "host", ""))


def _owner(subject: Subject, port: int) -> str:
    """The other container that declares `port`; empty for none."""
    for container in subject.pod.containers():
        if container is not subject.container and any(
            own.container_port == port for own in container.ports
        ):
            return container.name
    return ""


def _http(subject: Subject) -> Iterator[tuple[Probe, HTTPGetAction]]:
    for probe in subject.container.probes():
        if probe.http_get is not None:
            yield probe, probe.http_get


def _hosts(subject: Subject) -> Iterator[tuple[Probe, str, str]]:
    for probe in subject.container.probes():
        actions: tuple[tuple[str, HTTPGetAction | TCPSocketAction | None], ...] = (
            ("httpGet", probe.http_get),
            ("tcpSocket", probe.tcp_socket),
        )
        for field, action in actions:
            if action is not None:
                yield probe, field, action.host


def _number(port: int | str, container: Container) -> int | str:
    named = (own.container_port for own in container.ports if own.name == port)
    return next(named, port)
