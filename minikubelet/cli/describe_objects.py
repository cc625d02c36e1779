"""Descriptions of data, accounts, namespaces, services, and kinds without one of their own. Pure.

Upstream: kubectl 1.33 pkg/describe.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from minikubelet.cli.describe_text import NONE, Description, bool_text, metadata_of
from minikubelet.manifest.json_tree import Json

_TOKEN_SECRET = "kubernetes.io/service-account-token"
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+|\d+")
_ACRONYMS = {"API", "URL", "UID", "OSB", "GUID"}
_HIDDEN_METADATA = {"managedFields", "name", "namespace", "labels", "annotations"}


def describe_config_map(document: Json, events: Iterable[Json], now: datetime) -> str:
    out = Description()
    _metadata(out, document)
    out.write("\nData\n====\n")
    for key, value in sorted((document.get("data") or {}).items()):
        out.write(f"{key}:\n----\n{value}\n\n")
    out.write("\nBinaryData\n====\n")
    for key, value in sorted((document.get("binaryData") or {}).items()):
        out.write(f"{key}: {len(_decoded(value))} bytes\n")
    out.write("\n")
    out.events(events, now)
    return out.text()


def describe_secret(document: Json) -> str:
    """Sizes only, except for tokens."""
    out = Description()
    _metadata(out, document)
    out.write(f"\nType:\t{document.get('type', '')}\n\nData\n====\n")
    for key, value in sorted((document.get("data") or {}).items()):
        data = _decoded(value)
        if key == "token" and document.get("type") == _TOKEN_SECRET:
            out.line(key, data.decode(errors="replace"))
        else:
            out.line(key, f"{len(data)} bytes")
    return out.text()


def describe_service_account(document: Json, events: Iterable[Json], now: datetime) -> str:
    out = Description()
    _metadata(out, document)
    for title, key in (
        ("Image pull secrets", "imagePullSecrets"),
        ("Mountable secrets", "secrets"),
    ):
        names = [entry.get("name", "") for entry in document.get(key) or ()]
        out.write(f"{title}:\t" + "\t".join(f"{name}\n" for name in names or [NONE]))
    out.line("Tokens", NONE)
    out.events(events, now)
    return out.text()


def describe_namespace(document: Json) -> str:
    metadata = metadata_of(document)
    out = Description()
    out.line("Name", metadata.get("name", ""))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    out.line("Status", (document.get("status") or {}).get("phase", ""))
    return out.text()


def describe_service(
    document: Json, slices: Sequence[Json], events: Iterable[Json], now: datetime
) -> str:
    out = Description()
    spec = document.get("spec") or {}
    _metadata(out, document)
    selector = sorted((spec.get("selector") or {}).items())
    out.line("Selector", ",".join(f"{key}={value}" for key, value in selector) or NONE)
    out.line("Type", spec.get("type", ""))
    if spec.get("ipFamilyPolicy"):
        out.line("IP Family Policy", spec["ipFamilyPolicy"])
    out.line("IP Families", ",".join(spec.get("ipFamilies") or ()) or NONE)
    out.line("IP", spec.get("clusterIP", ""))
    out.line("IPs", ",".join(spec.get("clusterIPs") or ()) or NONE)
    for title, value in (
        ("External IPs", ",".join(spec.get("externalIPs") or ())),
        ("Desired LoadBalancer IP", spec.get("loadBalancerIP")),
        ("External Name", spec.get("externalName")),
    ):
        if value:
            out.line(title, value)
    for port in spec.get("ports") or ():
        _service_port(out, port, slices)
    out.line("Session Affinity", spec.get("sessionAffinity", ""))
    for title, value in (
        ("External Traffic Policy", spec.get("externalTrafficPolicy")),
        ("Internal Traffic Policy", spec.get("internalTrafficPolicy")),
    ):
        if value:
            out.line(title, value)
    out.events(events, now)
    return out.text()


def _service_port(out: Description, port: Json, slices: Sequence[Json]) -> None:
    name, protocol = port.get("name") or "<unset>", port.get("protocol", "TCP")
    out.write(f"Port:\t{name}\t{port.get('port')}/{protocol}\n")
    out.line("TargetPort", f"{port.get('targetPort', port.get('port'))}/{protocol}")
    if port.get("nodePort"):
        out.write(f"NodePort:\t{name}\t{port['nodePort']}/{protocol}\n")
    endpoints = [
        f"[{address}]:{found.get('port')}" if ":" in address else f"{address}:{found.get('port')}"
        for one in slices
        for found in one.get("ports") or ()
        if (found.get("name") or "") == (port.get("name") or "")
        for endpoint in one.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") in (None, True)
        for address in endpoint.get("addresses") or ()
    ]
    shown = ",".join(endpoints[:3]) or NONE
    out.line("Endpoints", f"{shown} + {len(endpoints) - 3} more..." if endpoints[3:] else shown)


def describe_other(document: Json, events: Iterable[Json] | None, now: datetime) -> str:
    """Every field by its name, as kubectl does for kinds that it does not know."""
    out = Description()
    _metadata(out, document)
    metadata = {k: v for k, v in metadata_of(document).items() if k not in _HIDDEN_METADATA}
    _fields(out, document | {"metadata": metadata}, 0)
    if events is not None:
        out.events(events, now)
    return out.text()


def _fields(out: Description, fields: dict[str, Any], level: int) -> None:
    for key, value in sorted(fields.items()):
        title = _title(key)
        if isinstance(value, dict):
            out.write(f"{title}:\n", level)
            _fields(out, value, level + 1)
        elif isinstance(value, list):
            out.write(f"{title}:\n", level)
            for item in value:
                if isinstance(item, dict):
                    _fields(out, item, level + 1)
                else:
                    out.write(f"{_scalar(item)}\n", level + 1)
        else:
            out.line(title, _scalar(value), level)


def _title(key: str) -> str:
    """`involvedObject` → `Involved Object`; keys that are not such names stay."""
    if not key.isalnum():
        return key
    words = (word[:1].upper() + word[1:] for word in _WORDS.findall(key))
    return " ".join(word.upper() if word.upper() in _ACRONYMS else word for word in words)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return bool_text(value)
    return "<nil>" if value is None else str(value)


def _metadata(out: Description, document: Json) -> None:
    metadata = metadata_of(document)
    out.line("Name", metadata.get("name", ""))
    out.line("Namespace", metadata.get("namespace", ""))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value)
    except binascii.Error:
        return b""
