"""Events, which two groups serve from one store.

Role: validation, and the form of events.k8s.io to that of core and back. Upstream: pkg/apis/events
conversion, pkg/apis/core/validation ValidateEvent. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minikubelet.apiserver.metadata import validate_metadata
from minikubelet.apiserver.strategies.strategy import Strategy
from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import FieldError, FieldPath, invalid, required
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
_ELSEWHERE = "does not match event.namespace"
_TYPES = ("Normal", "Warning")
_LENGTHS: Mapping[str, int] = {
    "reportingInstance": 128,
    "action": 128,
    "reason": 128,
    "message": 1024,
}
_SEEN = (
    "involvedObject",
    "reason",
    "reportingComponent",
    "reportingInstance",
    "action",
    "type",
    "related",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "eventTime",
    "message",
)


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
    """Of both groups: an Event that tells its time exactly says who reports it, too."""
    yield from validate_metadata(document)
    about, own = document.get("involvedObject") or {}, document["metadata"].get("namespace")
    path, namespace = FieldPath().child("involvedObject", "namespace"), about.get("namespace") or ""
    if not document.get("eventTime"):
        # Events about objects of cluster scope are kept in the namespace `default`.
        if (namespace or "default") != own:
            yield invalid(path, namespace, _ELSEWHERE)
        return
    if not namespace and own not in ("default", "kube-system"):
        yield invalid(path, namespace, _ELSEWHERE)
    path, reporter = FieldPath().child("reportingComponent"), document.get("reportingComponent")
    if not reporter:
        yield required(path)
    for detail in names.qualified_name(str(reporter or "")):
        yield invalid(path, reporter or "", detail)
    for name, length in _LENGTHS.items():
        path, text = FieldPath().child(name), str(document.get(name) or "")
        if not text and name != "message":
            yield required(path)
        if len(text.encode()) > length:
            yield invalid(path, "", f"can have at most {length} characters")


def _validate_newer(document: Json) -> Iterator[FieldError]:
    """Of events.k8s.io: without what only core events have."""
    yield from _validate(document)
    yield from _validate_series(document)
    if not document.get("eventTime"):
        yield required(FieldPath().child("eventTime"))
    if document.get("type") not in _TYPES:
        detail = f"has invalid value: {document.get('type') or ''}"
        yield invalid(FieldPath().child("type"), "", detail)
    for name in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if document.get(name):
            yield invalid(FieldPath().child(name), "", "needs to be unset")


def _update_newer(new: Json, old: Json) -> Iterator[FieldError]:
    """Only the series goes on; the rest of what was seen stays."""
    yield from _validate(new)
    if new.get("series") != old.get("series"):
        yield from _validate_series(new)
    for name in _SEEN:
        if (new.get(name) or None) != (old.get(name) or None):
            yield invalid(FieldPath().child(name), new.get(name), "field is immutable")


def _validate_series(document: Json) -> Iterator[FieldError]:
    series, path = document.get("series"), FieldPath().child("series")
    if series is None:
        return
    if int(series.get("count") or 0) < 2:
        yield invalid(path.child("count"), "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield required(path.child("lastObservedTime"))


EVENTS = Strategy(validate=_validate, creates_on_update=True)
NEWER_EVENTS = Strategy(
    validate=_validate_newer,
    validate_update=_update_newer,
    revalidates=False,
    creates_on_update=True,
)
"""Of events.k8s.io."""
