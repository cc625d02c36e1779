"""Objects → the bytes of an answer: plain, as a Table, or metadata only (K-26, K-60).

Role: what lists, gets and watches have in common. Pure.
Invariants: the bytes of stored objects are reused; only events of the newer group and Tables are
encoded anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, cast

import orjson

from minikubelet.apiserver.negotiation import Form, Wanted
from minikubelet.apiserver.responses import bad_request
from minikubelet.apiserver.strategies.events import needs_conversion, served_form
from minikubelet.apiserver.tables import table
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import Resource
from minikubelet.store.objects import StoredObject
from minikubelet.value_class import dataclass

_INCLUDES = ("", "Metadata", "Object", "None")
_META_GROUP = "meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Renderer:
    """One request's form of answer."""

    resource: Resource
    wanted: Wanted
    include_object: str
    now: datetime

    def __post_init__(self) -> None:
        if self.wanted.form is Form.TABLE and self.include_object not in _INCLUDES:
            raise bad_request(
                "Unable to convert to Table as requested: includeObject: Invalid value: "
                f"\"{self.include_object}\": must be 'Metadata', 'Object', 'None', or empty"
            )

    def stored(self, stored: StoredObject) -> bytes:
        if self.wanted.form is Form.OBJECT and not needs_conversion(self.resource):
            return stored.encoded
        return self.document(stored.document)

    def document(self, document: Json) -> bytes:
        """A document in its stored form."""
        return orjson.dumps(self._shaped([served_form(document, self.resource)], None))

    def served(self, document: Json) -> bytes:
        """A document in the form of the resource already."""
        return orjson.dumps(self._shaped([document], None))

    def list(self, objects: Sequence[StoredObject], metadata: Json) -> bytes:
        """`metadata` is that of the list."""
        if self.wanted.form is not Form.OBJECT:
            documents = [served_form(stored.document, self.resource) for stored in objects]
            return orjson.dumps(self._shaped(documents, metadata))
        items = b",".join([self.stored(stored) for stored in objects])
        head = orjson.dumps(
            {
                "kind": self.resource.list_kind,
                "apiVersion": self.resource.api_version,
                "metadata": metadata,
            }
        )
        return head[:-1] + b',"items":[' + items + b"]}"

    def bookmark(self, resource_version: int, *, initial_end: bool) -> bytes:
        """K-54, K-55; in a Table watch a Table without rows (K-56)."""
        meta: Json = {"resourceVersion": str(resource_version)}
        if initial_end:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        if self.wanted.form is Form.TABLE:
            return orjson.dumps(self._table([], meta))
        kind, api_version = self.resource.kind, self.resource.api_version
        if self.wanted.form is Form.METADATA:
            kind, api_version = "PartialObjectMetadata", f"{_META_GROUP}/{self.wanted.version}"
        return orjson.dumps({"kind": kind, "apiVersion": api_version, "metadata": meta})

    def _shaped(self, documents: Sequence[Json], list_metadata: Json | None) -> Json:
        """One object, or a list when `list_metadata` is given."""
        match self.wanted.form:
            case Form.TABLE:
                if list_metadata is None:
                    version = documents[0]["metadata"].get("resourceVersion", "")
                    list_metadata = {"resourceVersion": version}
                return self._table(documents, list_metadata)
            case Form.METADATA:
                partial = [self._partial(document) for document in documents]
                if list_metadata is None:
                    return partial[0]
                return {
                    "kind": "PartialObjectMetadataList",
                    "apiVersion": f"{_META_GROUP}/{self.wanted.version}",
                    "metadata": list_metadata,
                    "items": partial,
                }
        return documents[0]

    def _partial(self, document: Json) -> Json:
        return {
            "kind": "PartialObjectMetadata",
            "apiVersion": f"{_META_GROUP}/{self.wanted.version}",
            "metadata": document["metadata"],
        }

    def _table(self, documents: Sequence[Json], list_metadata: Json) -> Json:
        include = cast(Literal["Metadata", "Object", "None"], self.include_object or "Metadata")
        return table(
            self.resource,
            documents,
            include=include,
            now=self.now,
            list_metadata=list_metadata,
            version=self.wanted.version,
        )
