"""The containers of a described Pod (L-286 … L-288). Pure.

Upstream: kubectl 1.33 pkg/describe, describeContainers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

from minikubelet.cli.describe_text import NONE, Description, bool_text, metadata_of, time_text
from minikubelet.manifest.json_tree import Json

_PROBES = (
    ("Liveness", "livenessProbe"),
    ("Readiness", "readinessProbe"),
    ("Startup", "startupProbe"),
)
_UNLIMITED = ("limits.cpu", "limits.memory")


def describe_containers(
    out: Description, title: str, pod: Json, containers: Iterable[Json], statuses: Iterable[Json]
) -> None:
    by_name = {status.get("name"): status for status in statuses}
    containers = list(containers)
    out.write(f"{title}:\n" if containers else f"{title}: {NONE}\n")
    for container in containers:
        status = by_name.get(container.get("name"))
        _basics(out, container, status)
        _words(out, "Command", container.get("command") or ())
        _words(out, "Args", container.get("args") or ())
        if status is not None:
            _status(out, status)
        describe_resources(out, container.get("resources") or {}, 2)
        for name, key in _PROBES:
            if probe := container.get(key):
                out.line(name, probe_text(probe), 2)
        _env_from(out, container.get("envFrom") or ())
        _env(out, pod, container)
        _mounts(out, container)


def _basics(out: Description, container: Json, status: Json | None) -> None:
    out.write(f"{container.get('name')}:\n", 1)
    if status is not None:
        out.line("Container ID", status.get("containerID", ""), 2)
    out.line("Image", container.get("image", ""), 2)
    if status is not None:
        out.line("Image ID", status.get("imageID", ""), 2)
    for title, key in (("Port", "containerPort"), ("Host Port", "hostPort")):
        ports = ", ".join(_port(port, key) for port in container.get("ports") or ())
        out.line(f"{title}s" if "," in ports else title, ports or NONE, 2)
    profile = (container.get("securityContext") or {}).get("seccompProfile")
    if profile:
        out.line("SeccompProfile", profile.get("type", ""), 2)
        if profile.get("type") == "Localhost":
            out.line("LocalhostProfile", profile.get("localhostProfile", ""), 2)


def _port(port: Json, key: str) -> str:
    return f"{port.get(key, 0)}/{port.get('protocol', 'TCP')}"


def _words(out: Description, title: str, words: Iterable[str]) -> None:
    lines = [line for word in words for line in word.split("\n")]
    if lines:
        out.write(f"{title}:\n", 2)
    for line in lines:
        out.write(f"{line}\n", 3)


def _status(out: Description, status: Json) -> None:
    _state(out, "State", status.get("state") or {})
    last = status.get("lastState") or {}
    if last.get("terminated"):
        _state(out, "Last State", last)
    out.line("Ready", "True" if status.get("ready") else "False", 2)
    out.line("Restart Count", status.get("restartCount", 0), 2)


def _state(out: Description, title: str, state: Json) -> None:
    """L-287."""
    if (running := state.get("running")) is not None:
        out.line(title, "Running", 2)
        out.line("Started", time_text(running.get("startedAt")), 3)
    elif (waiting := state.get("waiting")) is not None or not state.get("terminated"):
        out.line(title, "Waiting", 2)
        if reason := (waiting or {}).get("reason"):
            out.line("Reason", reason, 3)
    else:
        ended = state["terminated"]
        out.line(title, "Terminated", 2)
        for name, key in (("Reason", "reason"), ("Message", "message")):
            if ended.get(key):
                out.line(name, ended[key], 3)
        out.line("Exit Code", ended.get("exitCode", 0), 3)
        if (ended.get("signal") or 0) > 0:
            out.line("Signal", ended["signal"], 3)
        out.line("Started", time_text(ended.get("startedAt")), 3)
        out.line("Finished", time_text(ended.get("finishedAt")), 3)


def describe_resources(out: Description, resources: Json, level: int) -> None:
    for title in ("Limits", "Requests"):
        amounts = resources.get(title.lower()) or {}
        if amounts:
            out.write(f"{title}:\n", level)
        for name, amount in sorted(amounts.items()):
            out.line(name, amount, level + 1)


def probe_text(probe: Json) -> str:
    """L-288."""
    attributes = (
        f"delay={probe.get('initialDelaySeconds', 0)}s timeout={probe.get('timeoutSeconds', 0)}s "
        f"period={probe.get('periodSeconds', 0)}s #success={probe.get('successThreshold', 0)} "
        f"#failure={probe.get('failureThreshold', 0)}"
    )
    if (action := probe.get("exec")) is not None:
        return f"exec [{' '.join(action.get('command') or ())}] {attributes}"
    if (action := probe.get("httpGet")) is not None:
        host, path = action.get("host") or "", action.get("path") or ""
        host = f"[{host}]" if ":" in host else host
        path = quote(path if path.startswith("/") or not path else f"/{path}", safe="/$&+,:;=@~")
        scheme = (action.get("scheme") or "HTTP").lower()
        return f"http-get {scheme}://{host}:{action.get('port')}{path} {attributes}"
    if (action := probe.get("tcpSocket")) is not None:
        return f"tcp-socket {action.get('host') or ''}:{action.get('port')} {attributes}"
    if (action := probe.get("grpc")) is not None:
        return f"grpc <pod>:{action.get('port')} {action.get('service') or ''} {attributes}"
    return f"unknown {attributes}"


def _env_from(out: Description, sources: Iterable[Json]) -> None:
    sources = list(sources)
    if sources:
        out.write("Environment Variables from:\n", 2)
    for source in sources:
        kind = "ConfigMap" if source.get("configMapRef") else "Secret"
        reference = source.get("configMapRef") or source.get("secretRef") or {}
        prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
        optional = bool_text(reference.get("optional"))
        out.write(f"{reference.get('name', '')}\t{kind}{prefix}\tOptional: {optional}\n", 3)


def _env(out: Description, pod: Json, container: Json) -> None:
    variables = container.get("env") or ()
    out.write("Environment:\n" if variables else f"Environment:\t{NONE}\n", 2)
    for variable in variables:
        name, source = variable.get("name"), variable.get("valueFrom")
        if not source:
            first, *others = str(variable.get("value") or "").split("\n")
            out.line(name, first, 3)
            for line in others:
                out.write(f"\t{line}\n", 3)
        elif text := _source(pod, container, source):
            out.line(name, text, 3)


def _source(pod: Json, container: Json, source: Json) -> str:
    if field := source.get("fieldRef"):
        path = field.get("fieldPath", "")
        return f"{_field(pod, path)} ({field.get('apiVersion', 'v1')}:{path})"
    if resource := source.get("resourceFieldRef"):
        asked = resource.get("resource", "")
        value = _resource_value(container, resource)
        if value == "0" and asked in _UNLIMITED:
            value = "node allocatable"
        return f"{value} ({asked})"
    for kind, phrase in (("secretKeyRef", "in secret"), ("configMapKeyRef", "of config map")):
        if key := source.get(kind):
            optional = bool_text(key.get("optional"))
            named = f"<set to the key '{key.get('key')}' {phrase} '{key.get('name', '')}'>"
            return f"{named}\tOptional: {optional}"
    return ""


def _field(pod: Json, path: str) -> str:
    """The fields of the downward API that kubectl resolves: these and no others."""
    if path in ("metadata.name", "metadata.namespace"):
        return str(metadata_of(pod).get(path.removeprefix("metadata."), ""))
    return ""


def _resource_value(container: Json, reference: Json) -> str:
    from minikubelet.manifest.quantity import Quantity, QuantityError, parse_quantity

    which, _, name = str(reference.get("resource", "")).partition(".")
    amount = ((container.get("resources") or {}).get(which) or {}).get(name, "0")
    try:
        divisor = parse_quantity(str(reference.get("divisor") or "1"))
        divisor = divisor if divisor.nano else Quantity(10**9)
        return str(-(-parse_quantity(str(amount)).nano // divisor.nano))
    except QuantityError:
        return ""


def _mounts(out: Description, container: Json) -> None:
    mounts = sorted(container.get("volumeMounts") or (), key=lambda m: m.get("mountPath") or "")
    out.write("Mounts:\n" if mounts else f"Mounts:\t{NONE}\n", 2)
    for mount in mounts:
        flags = "ro" if mount.get("readOnly") else "rw"
        if mount.get("subPath"):
            flags += f",path={json.dumps(mount['subPath'], ensure_ascii=False)}"
        out.write(f"{mount.get('mountPath')} from {mount.get('name')} ({flags})\n", 3)
