"""Services, as plain objects: nothing listens at their addresses.

Role: the defaults that clients rely on (K- section 8) and names; addresses are in
`service_addresses.py`. Upstream: pkg/apis/core/v1 defaults.go, pkg/registry/core/service. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikubelet.apiserver.metadata import validate_metadata
from minikubelet.apiserver.strategies.service_addresses import give_addresses, taken_addresses
from minikubelet.apiserver.strategies.strategy import Strategy
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.manifest.names import between

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_LABEL_LENGTH = 63
_DNS_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    f"regex used for validation is '{_DNS_1035}')"
)


def _complete_service(document: Json) -> Json:
    spec = document.setdefault("spec", {})
    spec["type"] = spec.get("type") or "ClusterIP"
    spec["sessionAffinity"] = spec.get("sessionAffinity") or "None"
    for port in objects_in(spec, "ports"):
        port["protocol"] = port.get("protocol") or "TCP"
        port.setdefault("targetPort", port.get("port"))
    if spec["type"] == "ExternalName":
        return document
    if not spec.get("clusterIP") and spec.get("clusterIPs"):
        spec["clusterIP"] = spec["clusterIPs"][0]
    spec["ipFamilies"] = spec.get("ipFamilies") or ["IPv4"]
    spec["ipFamilyPolicy"] = spec.get("ipFamilyPolicy") or "SingleStack"
    spec["internalTrafficPolicy"] = spec.get("internalTrafficPolicy") or "Cluster"
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec["externalTrafficPolicy"] = spec.get("externalTrafficPolicy") or "Cluster"
    return document


def _dns_1035_label(name: str) -> Iterator[str]:
    if len(name) > _LABEL_LENGTH:
        yield f"must be no more than {_LABEL_LENGTH} characters"
    if not re.fullmatch(_DNS_1035, name):
        yield _DNS_1035_TEXT


def _validate_service(document: Json) -> Iterator[FieldError]:
    yield from validate_metadata(document, _dns_1035_label)
    spec, path = document["spec"], FieldPath().child("spec")
    if spec["type"] not in _TYPES:
        yield not_supported(path.child("type"), spec["type"], _TYPES)
    ports = list(objects_in(spec, "ports"))
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and spec["type"] != "ExternalName":
        yield required(path.child("ports"))
    for index, port in enumerate(ports):
        yield from _validate_port(port, path.child("ports").index(index), len(ports) > 1)
    if spec["type"] == "ExternalName" and not spec.get("externalName"):
        yield required(path.child("externalName"))


def _validate_port(port: Json, path: FieldPath, named: bool) -> Iterator[FieldError]:
    if named and not port.get("name"):
        yield required(path.child("name"))
    number = port.get("port") or 0
    if not 1 <= number <= 65535:
        yield invalid(path.child("port"), number, between(1, 65535))
    if port["protocol"] not in _PROTOCOLS:
        yield not_supported(path.child("protocol"), port["protocol"], _PROTOCOLS)


def _update_service(new: Json, old: Json) -> Iterator[FieldError]:
    before, after = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if before and after != before and old["spec"]["type"] != "ExternalName":
        path = FieldPath().child("spec", "clusterIPs").index(0)
        yield invalid(path, after, "may not change once set")


def _initial_service_status(document: Json) -> Json | None:
    return {"loadBalancer": {}}


SERVICES = Strategy(
    complete=_complete_service,
    initial_status=_initial_service_status,
    validate=_validate_service,
    validate_update=_update_service,
    admit=give_addresses,
    clashes=taken_addresses,
    has_status=True,
    creates_on_update=True,
    returned_on_delete=True,
)
