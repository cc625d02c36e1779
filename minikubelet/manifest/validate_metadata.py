"""Rules for `metadata` (L-40, L-42, L-44).

Role: ObjectMeta → field errors in upstream's order. Upstream: apimachinery
pkg/api/validation/objectmeta.go. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import ErrorType, FieldError, FieldPath, invalid, required
from minikubelet.manifest.meta import ObjectMeta

ANNOTATIONS_MAX_BYTES = 256 * 1024


NameRule = Callable[[str], Iterable[str]]


def validate_object_meta(
    meta: ObjectMeta, path: FieldPath, name_rule: NameRule = names.dns_subdomain
) -> Iterator[FieldError]:
    """Rules for a namespaced object, whose name is a DNS subdomain unless its kind says else."""
    if meta.generate_name:
        # Trailing hyphens are fine: something follows them.
        prefix = meta.generate_name.rstrip("-") or meta.generate_name
        for detail in name_rule(prefix):
            yield invalid(path.child("generateName"), meta.generate_name, detail)
    if not meta.name:
        yield required(path.child("name"), "name or generateName is required")
    yield from checked(path.child("name"), meta.name, name_rule, empty_is_fine=True)
    if not meta.namespace:
        yield required(path.child("namespace"))
    yield from checked(path.child("namespace"), meta.namespace, names.dns_label, empty_is_fine=True)
    yield from validate_labels(meta.labels, path.child("labels"))
    yield from validate_annotations(meta.annotations, path.child("annotations"))


def validate_labels(labels: Mapping[str, str], path: FieldPath) -> Iterator[FieldError]:
    """Keys and values of labels and of node selectors (L-44)."""
    for key, value in sorted(labels.items()):
        yield from checked(path, key, names.qualified_name)
        yield from checked(path, value, names.label_value)


def validate_annotations(annotations: Mapping[str, str], path: FieldPath) -> Iterator[FieldError]:
    for key in sorted(annotations):
        for detail in names.annotation_key(key):
            yield invalid(path, key, detail)
    size = sum(len(text.encode()) for item in annotations.items() for text in item)
    if size > ANNOTATIONS_MAX_BYTES:
        detail = f"may not be more than {ANNOTATIONS_MAX_BYTES} bytes"
        yield FieldError(path, ErrorType.TOO_LONG, detail)


def checked(
    path: FieldPath,
    value: str,
    rule: NameRule,
    *,
    empty_is_fine: bool = False,
) -> Iterator[FieldError]:
    """One `Invalid value` per detail that a rule of `names` has against `value`."""
    if value or not empty_is_fine:
        for detail in rule(value):
            yield invalid(path, value, detail)
