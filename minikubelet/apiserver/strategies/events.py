"""Events, which two groups serve from one store.

Role: validation, and the form of events.k8s.io to that of core and back. Upstream: pkg/apis/events
conversion, pkg/apis/core/validation ValidateEvent. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minikubelet.apiserver.metadata import validate_metadata
from minikubelet.apiserver.strategies.strategy import Strategy
from minikubelet.manifest.fieldpath import FieldError, FieldPath, invalid
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import Resource

_TO_CORE: Mapping[str, str] = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_FROM_CORE = {core: newer for newer, core in _TO_CORE.items()}
_NEWER_GROUP = "events.k8s.io"


def stored_form(document: Json, resource: Resource) -> Json:
    """As the store keeps a document of this resource."""
    if resource.group != _NEWER_GROUP:
        return document
    return _renamed(document, _TO_CORE) | {"apiVersion": "v1"}


def served_form(document: Json, resource: Resource) -> Json:
    """A stored document as this resource shows it."""
    if resource.group != _NEWER_GROUP:
        return document
    served = _renamed(document, _FROM_CORE) | {"apiVersion": resource.api_version}
    if not served.get("eventTime"):
        # A field that has to be there in this form; older reporters have no finer time.
        created = document["metadata"].get("creationTimestamp")
        time = str(document.get("firstTimestamp") or created or "")
        served["eventTime"] = time if "." in time else time.replace("Z", ".000000Z")
    return served


def needs_conversion(resource: Resource) -> bool:
    return resource.group == _NEWER_GROUP


def stored_message(resource: Resource) -> str:
    """The message of the form in which the store keeps it."""
    return "core.Event" if needs_conversion(resource) else resource.message


def _renamed(document: Json, names: Mapping[str, str]) -> Json:
    return {names.get(name, name): value for name, value in document.items()}


def _validate(document: Json) -> Iterator[FieldError]:
    yield from validate_metadata(document)
    about = document.get("involvedObject") or {}
    namespace, own = about.get("namespace") or "", document["metadata"].get("namespace")
    path = FieldPath().child("involvedObject", "namespace")
    # Events about objects of cluster scope are kept in the namespace `default`.
    if (namespace or "default") != own:
        yield invalid(path, namespace, "does not match event.namespace")


EVENTS = Strategy(validate=_validate, creates_on_update=True)
