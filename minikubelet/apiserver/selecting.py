"""Which objects a request means (K-30, K-31).

Role: selectors of a request over stored objects. Pure.
"""

from __future__ import annotations

from minikubelet.apiserver.responses import bad_request
from minikubelet.manifest.json_tree import Json
from minikubelet.store.field_values import unsupported_field
from minikubelet.store.kinds import Resource
from minikubelet.store.objects import StoredObject
from minikubelet.store.selectors import FieldSelector, LabelSelector, field_value
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """Raises ApiError 400 when made with a field that the kind does not offer."""

    resource: Resource
    labels: LabelSelector
    fields: FieldSelector

    def __post_init__(self) -> None:
        for term in self.fields.terms:
            if field_value(self.resource, {}, term.field) is None:
                raise bad_request(unsupported_field(self.resource, term.field))

    @property
    def is_everything(self) -> bool:
        return not self.labels.requirements and not self.fields.terms

    def matches(self, stored: StoredObject) -> bool:
        if self.is_everything:
            return True
        document: Json = stored.document
        if self.labels.requirements and not self.labels.matches(
            document["metadata"].get("labels") or {}
        ):
            return False
        return self.fields.matches(lambda field: field_value(self.resource, document, field))
