"""Manifest text → checked objects.

Role: the way in for manifests: read every document, take lists apart, check each object against the
schema, and refuse kinds that cannot be run.
Invariants: pure; all findings at once, in the order of the text; every object that is returned has
passed the strict check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minikubelet.manifest.document import Document
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Finding, Position, Positions, Severity, has_errors
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.kinds import identify, is_list
from minikubelet.manifest.strict import check_message
from minikubelet.manifest.strict_values import describe
from minikubelet.manifest.yaml_errors import explain_missing_blank
from minikubelet.manifest.yaml_text import parse_text
from minikubelet.value_class import dataclass

RUNNABLE_KINDS = ("Pod", "ConfigMap", "Secret")
_KIND = FieldPath().child("kind")
_ITEMS = FieldPath().child("items")


@dataclass(frozen=True, slots=True)
class ManifestObject:
    """One object as written: `document` has the shapes that the decoders rely on."""

    api_version: str
    kind: str
    document: Json
    positions: Positions
    file: str


@dataclass(frozen=True, slots=True)
class ReadResult:
    objects: tuple[ManifestObject, ...]
    findings: tuple[Finding, ...]


def read_manifest(
    text: str, file: str, *, unknown: Severity = Severity.ERROR, any_kind: bool = False
) -> ReadResult:
    """Read the objects of a text.

    `unknown` is how much unknown and repeated fields matter; the kubelet's own manifest directory
    accepts them (L-8). `any_kind`: also objects that are only kept, not run.
    """
    parsed = parse_text(text, file, repeated=unknown)
    objects: list[ManifestObject] = []
    findings = list(parsed.findings)
    for document in parsed.documents:
        some_objects, some_findings = _read_document(document, unknown, any_kind)
        objects += some_objects
        findings += some_findings
    if not parsed.documents and not findings:
        message = "no objects in it: it is empty, or has comments only"
        findings.append(Finding.at(Position(file), FieldPath(), message))
    findings.sort(key=lambda finding: (finding.line, finding.column))
    return ReadResult(tuple(objects), tuple(findings))


def _read_document(
    document: Document, unknown: Severity, any_kind: bool
) -> tuple[list[ManifestObject], list[Finding]]:
    objects: list[ManifestObject] = []
    findings: list[Finding] = []
    for content, positions in _objects(document.content, document.positions, findings):
        identified = identify(content, positions)
        own = list(identified.findings)
        if identified.message:
            own += check_message(content, identified.message, positions, unknown=unknown)
        if not any_kind and not any(finding.path == _KIND for finding in own):
            own += _refuse_other_kinds(identified.kind, content, positions)
        if not has_errors(own):
            objects.append(
                ManifestObject(
                    identified.api_version, identified.kind, content, positions, positions.file
                )
            )
        findings += own
    return objects, findings


def _objects(
    content: object, positions: Positions, findings: list[Finding]
) -> Iterator[tuple[Json, Positions]]:
    """The object that a document is, or those it lists."""
    if not isinstance(content, dict):
        findings.append(_not_an_object(content, positions))
        return
    if not is_list(str(content.get("apiVersion")), str(content.get("kind"))):
        yield content, positions
        return
    items = content.get("items")
    if items is not None and not isinstance(items, list):
        message = f"a list is wanted, not {describe(items)}"
        findings.append(Finding.at(positions.at(_ITEMS), _ITEMS, message))
        return
    for index, item in enumerate(items or ()):
        yield from _objects(item, positions.below(_ITEMS.index(index)), findings)


def _not_an_object(content: object, positions: Positions) -> Finding:
    fix = "begin with apiVersion: v1 and kind: Pod"
    if isinstance(content, list):
        fix = "separate objects with ---, or put them below items: of a kind: List"
    elif isinstance(content, str):
        fix = explain_missing_blank(content) or fix
    message = f"a Kubernetes object is wanted, not {describe(content)}"
    return Finding.at(positions.at(FieldPath()), FieldPath(), message, fix=fix)


def _refuse_other_kinds(
    kind: str, content: Mapping[str, object], positions: Positions
) -> Iterator[Finding]:
    if kind in RUNNABLE_KINDS:
        return
    metadata = content.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    named = f'{kind} "{name}"' if isinstance(name, str) else kind
    fix = "it runs Pods, with the ConfigMaps and Secrets that they use"
    yield Finding.at(positions.at(_KIND), _KIND, f"minikubelet cannot run {named}", fix=fix)
