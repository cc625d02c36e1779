"""What the store holds and tells: objects, changes, and why a call was refused.

Role: values shared by everybody who reads or watches the store.
Invariants: `document` is shared and never changed by anybody (copy it first with `copy_json`);
`encoded` is the same object as compact JSON, made once when it was written.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from minikubelet.manifest.json_tree import Json
from minikubelet.store.encoding import decode
from minikubelet.value_class import dataclass

MODIFIED_MESSAGE = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """`group` and `plural` are `Resource.storage`; the namespace is empty at cluster scope."""

    group: str
    plural: str
    namespace: str
    name: str

    @property
    def storage(self) -> tuple[str, str]:
        return self.group, self.plural

    def __str__(self) -> str:
        resource = f"{self.plural}.{self.group}" if self.group else self.plural
        return (
            f"{resource} {self.namespace}/{self.name}"
            if self.namespace
            else (f"{resource} {self.name}")
        )


class StoredObject:
    """One version of an object. Its document carries apiVersion, kind and
    metadata.resourceVersion; it is decoded when somebody asks, since most versions in the history
    are only ever sent as bytes."""

    __slots__ = ("_document", "encoded", "key", "resource_version")

    def __init__(
        self, key: Key, document: Json | None, resource_version: int, encoded: bytes
    ) -> None:
        self.key = key
        self.resource_version = resource_version
        self.encoded = encoded
        self._document = document

    @property
    def document(self) -> Json:
        if self._document is None:
            self._document = decode(self.encoded)
        return self._document

    def forget_document(self) -> None:
        """Keep the bytes only, a fifth of the memory."""
        self._document = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StoredObject):
            return NotImplemented
        return (self.key, self.resource_version, self.encoded) == (
            other.key,
            other.resource_version,
            other.encoded,
        )

    def __hash__(self) -> int:
        return hash((self.key, self.resource_version))

    def __repr__(self) -> str:
        return f"StoredObject({self.key}, resource_version={self.resource_version})"


class ChangeType(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """`object` of DELETED is the last state with a fresh resourceVersion (K-51); `before` is the
    state before, None for ADDED."""

    type: ChangeType
    object: StoredObject
    before: StoredObject | None
    resource_version: int
    _line: bytes | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def encoded_line(self) -> bytes:
        """What a plain JSON watch sends: made once, shared by all watchers."""
        if self._line is None:
            line = b'{"type":"%b","object":%b}\n' % (self.type.encode(), self.object.encoded)
            object.__setattr__(self, "_line", line)
            return line
        return self._line

    def cool(self) -> None:
        """Give back what can be made again: nearly all watchers have read this change."""
        object.__setattr__(self, "_line", None)
        if self.before is not None:
            self.before.forget_document()
        if self.type is ChangeType.DELETED:
            self.object.forget_document()


class NotFound(Exception):  # noqa: N818 - as Kubernetes says it
    def __init__(self, key: Key) -> None:
        super().__init__(f"{key} not found")
        self.key = key


class AlreadyExists(Exception):  # noqa: N818 - as Kubernetes says it
    def __init__(self, key: Key) -> None:
        super().__init__(f"{key} already exists")
        self.key = key


class Conflict(Exception):  # noqa: N818 - as Kubernetes says it
    """Somebody else was faster. `message` is what Kubernetes says behind `Operation cannot be
    fulfilled on …: `."""

    def __init__(self, key: Key, message: str = MODIFIED_MESSAGE) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


class Expired(Exception):  # noqa: N818 - as Kubernetes says it
    """The history does not reach back that far: list again (410)."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")


class StoreWriteError(Exception):
    """The disk does not take the state; the text says what is wrong and how to mend it."""
