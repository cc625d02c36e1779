"""Endpoints and Leases, as plain objects.

Upstream: pkg/apis/core and pkg/apis/coordination, validation and v1 defaults. Differs: loopback
addresses are taken, for that is where containers listen here. Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from minikubelet.apiserver.metadata import validate_metadata
from minikubelet.apiserver.strategies.strategy import Strategy
from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.json_tree import Json, objects_in

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_ADDRESSES = ("addresses", "notReadyAddresses")
_NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def _complete_endpoints(document: Json) -> Json:
    for subset in objects_in(document, "subsets"):
        for port in objects_in(subset, "ports"):
            port["protocol"] = port.get("protocol") or "TCP"
    return document


def _validate_endpoints(document: Json) -> Iterator[FieldError]:
    yield from validate_metadata(document)
    for index, subset in enumerate(objects_in(document, "subsets")):
        path = FieldPath().child("subsets").index(index)
        if not any(subset.get(name) for name in _ADDRESSES):
            yield required(path, "must specify `addresses` or `notReadyAddresses`")
        for name in _ADDRESSES:
            for number, address in enumerate(objects_in(subset, name)):
                yield from _validate_address(address, path.child(name).index(number))
        ports = list(objects_in(subset, "ports"))
        for number, port in enumerate(ports):
            yield from _validate_port(port, path.child("ports").index(number), len(ports) > 1)


def _validate_address(address: Json, path: FieldPath) -> Iterator[FieldError]:
    text = str(address.get("ip") or "")
    try:
        ipaddress.ip_address(text)
    except ValueError:
        yield invalid(path.child("ip"), text, _NO_ADDRESS)


def _validate_port(port: Json, path: FieldPath, needs_name: bool) -> Iterator[FieldError]:
    name = port.get("name") or ""
    if name:
        for detail in names.dns_label(name):
            yield invalid(path.child("name"), name, detail)
    elif needs_name:
        yield required(path.child("name"))
    number = port.get("port") or 0
    if not 1 <= number <= 65535:
        yield invalid(path.child("port"), number, names.between(1, 65535))
    if port["protocol"] not in _PROTOCOLS:
        yield not_supported(path.child("protocol"), port["protocol"], _PROTOCOLS)


def _validate_lease(document: Json) -> Iterator[FieldError]:
    yield from validate_metadata(document)
    spec, path = document.get("spec") or {}, FieldPath().child("spec")
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        yield invalid(path.child("leaseDurationSeconds"), seconds, "must be greater than 0")
    if transitions is not None and transitions < 0:
        detail = "must be greater than or equal to 0"
        yield invalid(path.child("leaseTransitions"), transitions, detail)


ENDPOINTS = Strategy(
    complete=_complete_endpoints, validate=_validate_endpoints, creates_on_update=True
)
LEASES = Strategy(validate=_validate_lease, creates_on_update=True)
