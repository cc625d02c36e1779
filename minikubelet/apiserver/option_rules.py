"""What the options of a request have to look like, whatever it is about.

Role: the parameters of a query → an ApiError 422 about `ListOptions`, `PatchOptions` and their like
(K-47, K-55). Pure.
Upstream: apimachinery pkg/apis/meta/v1/validation, pkg/apis/meta/internalversion/validation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minikubelet.apiserver.responses import ApiError, invalid
from minikubelet.manifest.fieldpath import (
    ErrorType,
    FieldError,
    FieldPath,
    forbidden,
    not_supported,
    required,
)
from minikubelet.manifest.fieldpath import invalid as invalid_field

_GROUP = "meta.k8s.io"
_MANAGER_BYTES = 128
_NEWEST = "NotOlderThan"
_EXACT = "Exact"
VALIDATIONS = ("", "Ignore", "Strict", "Warn")
PROPAGATIONS = ("Foreground", "Background", "Orphan")


def refuse(kind: str, errors: Iterable[FieldError]) -> None:
    """Raises ApiError when there are any; `kind` as `DeleteOptions`."""
    found = tuple(errors)
    if found:
        raise refusal(kind, found)


def refusal(kind: str, errors: Iterable[FieldError]) -> ApiError:
    return invalid(_GROUP, kind, "", errors)


def check_write(
    *, manager: str, dry_run: object, validation: str, forced: bool = False, applies: bool = False
) -> Iterator[FieldError]:
    """`applies`: of a server-side apply; `forced`: whether `force` is given at all, to a patch."""
    if forced and not applies:
        yield forbidden(_path("force"), "may not be specified for non-apply patch")
    if applies and not manager:
        yield required(_path("fieldManager"), "is required for apply patch")
    yield from _check_manager(manager)
    yield from check_dry_run(dry_run)
    if validation not in VALIDATIONS:
        yield not_supported(_path("fieldValidation"), validation, VALIDATIONS)


def check_dry_run(values: object) -> Iterator[FieldError]:
    """Only `All` exists."""
    if isinstance(values, list) and all(value in ("All", "") for value in values):
        return
    if values is not None:
        yield not_supported(_path("dryRun"), values, ["All"])


def check_deletion(
    propagation: str | None, orphan: object, dry_run: object
) -> Iterator[FieldError]:
    path = _path("propagationPolicy")
    if orphan is not None and propagation:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        yield invalid_field(path, propagation, detail)
    if propagation and propagation not in PROPAGATIONS:
        yield not_supported(path, propagation, (*PROPAGATIONS, "nil"))
    yield from check_dry_run(dry_run)


def check_list(
    *, match: str, version: str, token: str, watch: bool, initial_events: bool | None
) -> Iterator[FieldError]:
    """`initial_events`: None where the client does not speak of them."""
    if watch:
        yield from _check_watch(match, token, initial_events)
        return
    path = _path("resourceVersionMatch")
    if match:
        if not version:
            detail = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            yield forbidden(path, detail)
        if token:
            yield forbidden(path, "resourceVersionMatch is forbidden when continue is provided")
        if match not in (_EXACT, _NEWEST):
            yield not_supported(path, match, (_EXACT, _NEWEST, ""))
        if match == _EXACT and version == "0":
            detail = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            yield forbidden(path, detail)
    if initial_events is not None:
        yield forbidden(_path("sendInitialEvents"), "sendInitialEvents is forbidden for list")


def _check_watch(match: str, token: str, initial_events: bool | None) -> Iterator[FieldError]:
    path = _path("resourceVersionMatch")
    if initial_events is not None and match != _NEWEST:
        detail = f"sendInitialEvents requires setting resourceVersionMatch to {_NEWEST}"
        yield forbidden(path, detail)
    if not match:
        return
    if initial_events is None:
        detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        yield forbidden(path, detail)
    if match != _NEWEST:
        yield not_supported(path, match, (_NEWEST,))
    if token:
        yield forbidden(path, "resourceVersionMatch is forbidden when continue is provided")


def _check_manager(manager: str) -> Iterator[FieldError]:
    path = _path("fieldManager")
    if len(manager.encode("utf-8", "replace")) > _MANAGER_BYTES:
        detail = f"may not be more than {_MANAGER_BYTES} bytes"
        yield FieldError(path, ErrorType.TOO_LONG, detail, manager)
    place = 0
    for sign in manager:
        if not (sign.isprintable() or sign == " "):
            yield invalid_field(
                path, manager, f"invalid character U+{ord(sign):04X} (at position {place})"
            )
        place += len(sign.encode("utf-8", "replace"))


def _path(name: str) -> FieldPath:
    return FieldPath().child(name)
