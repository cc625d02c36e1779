"""EndpointSlices: where the endpoints of a Service are.

Upstream: pkg/apis/discovery, validation and v1 defaults. Differs: loopback addresses are taken, for
that is where containers listen here. Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping

from minikubelet.apiserver.metadata import validate_metadata
from minikubelet.apiserver.strategies.strategy import Strategy
from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    duplicate,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.json_tree import Json, objects_in

_PROTOCOLS = ("SCTP", "TCP", "UDP")


def _ip(version: int) -> Callable[[str], list[str]]:
    def check(text: str) -> list[str]:
        try:
            good = ipaddress.ip_address(text).version == version
        except ValueError:
            good = False
        return [] if good else [f"must be a valid IPv{version} address"]

    return check


_ADDRESSES: Mapping[str, Callable[[str], list[str]]] = {
    "FQDN": lambda text: names.dns_subdomain(text.removesuffix(".")),
    "IPv4": _ip(4),
    "IPv6": _ip(6),
}


def _complete(document: Json) -> Json:
    for port in objects_in(document, "ports"):
        port["name"] = port.get("name") or ""
        port["protocol"] = port.get("protocol") or "TCP"
    return document


def _validate(document: Json) -> Iterator[FieldError]:
    yield from validate_metadata(document)
    kind, path = document.get("addressType") or "", FieldPath().child("addressType")
    if not kind:
        yield required(path)
    elif kind not in _ADDRESSES:
        yield not_supported(path, kind, _ADDRESSES)
    for index, endpoint in enumerate(objects_in(document, "endpoints")):
        at = FieldPath().child("endpoints").index(index).child("addresses")
        addresses = endpoint.get("addresses") or []
        if not addresses:
            yield required(at, "must contain at least 1 address")
        for number, address in enumerate(addresses if kind in _ADDRESSES else ()):
            for detail in _ADDRESSES[kind](address):
                yield invalid(at.index(number), address, detail)
    yield from _validate_ports(document)


def _validate_ports(document: Json) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, port in enumerate(objects_in(document, "ports")):
        path, name = FieldPath().child("ports").index(index), port["name"]
        for detail in names.dns_label(name) if name else ():
            yield invalid(path.child("name"), name, detail)
        if name in taken:
            yield duplicate(path.child("name"), name)
        taken.add(name)
        if port["protocol"] not in _PROTOCOLS:
            yield not_supported(path.child("protocol"), port["protocol"], _PROTOCOLS)


def _validate_update(new: Json, old: Json) -> Iterator[FieldError]:
    if new.get("addressType") != old.get("addressType"):
        yield invalid(
            FieldPath().child("addressType"), new.get("addressType"), "field is immutable"
        )


ENDPOINT_SLICES = Strategy(
    complete=_complete,
    validate=_validate,
    validate_update=_validate_update,
    counts_generation=True,
)
