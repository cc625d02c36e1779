"""From what was read to what may run: the whole way of one input.

Role: objects of the manifests → defaults → typed values → every finding about them: upstream's
errors, fields that have no effect or cannot be had, names given twice, and advice.
Invariants: an object with an error is left out; what is random or depends on the time comes from
the caller. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from minikubelet.manifest.decode import decode_config_map, decode_pod, decode_secret
from minikubelet.manifest.defaults import apply_pod_defaults
from minikubelet.manifest.fieldpath import FieldError, FieldPath, duplicate
from minikubelet.manifest.findings import Finding, Position, Severity, has_errors
from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.manifest.lint import lint_pod
from minikubelet.manifest.meta import ConfigMap, ObjectMeta, Secret
from minikubelet.manifest.names import generated_name
from minikubelet.manifest.pod import Pod
from minikubelet.manifest.read import ManifestObject, ReadResult
from minikubelet.manifest.support import findings_of
from minikubelet.manifest.validate_data import validate_config_map, validate_secret
from minikubelet.manifest.validate_pod import validate_pod
from minikubelet.value_class import dataclass

_SET_BY_US = ("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink")
_NAME = FieldPath().child("metadata", "name")


@dataclass(frozen=True, slots=True)
class PodManifest:
    """A Pod as it is stored, with its defaults, and as the program reads it."""

    document: Json
    pod: Pod


@dataclass(frozen=True, slots=True)
class Admitted:
    """What an input holds; whoever runs it looks for errors in `findings` first."""

    pods: tuple[PodManifest, ...] = ()
    config_maps: tuple[ConfigMap, ...] = ()
    secrets: tuple[Secret, ...] = ()
    findings: tuple[Finding, ...] = ()
    """In the order of the files and their lines."""
    data_documents: tuple[Json, ...] = ()
    """The ConfigMaps and Secrets as they were written, with their identity."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the caller gives each new object."""

    new_uid: Callable[[], str]
    name_suffix: Callable[[], str]
    """Five characters that make a generated name unique (L-34)."""
    created_at: datetime


@dataclass(slots=True)
class _Admission:
    """Collects what the objects of one input give."""

    identity: Identity
    pods: list[PodManifest] = field(default_factory=list)
    config_maps: list[ConfigMap] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    data_documents: list[Json] = field(default_factory=list)
    places: dict[tuple[str, str, str], Position] = field(default_factory=dict)


def admit(results: Sequence[ReadResult], identity: Identity) -> Admitted:
    """Take the Pods, ConfigMaps and Secrets of one input, which may be several files.

    Other kinds were refused when they were read.
    """
    admission = _Admission(identity)
    for manifest in (manifest for result in results for manifest in result.objects):
        document = _with_identity(manifest, identity)
        match manifest.kind:
            case "Pod":
                _admit_pod(admission, manifest, document)
            case "ConfigMap":
                config_map = decode_config_map(document)
                errors = validate_config_map(config_map)
                if _is_sound(admission, manifest, config_map.metadata, errors):
                    admission.config_maps.append(config_map)
                    admission.data_documents.append(document)
            case "Secret":
                secret = decode_secret(document)
                if _is_sound(admission, manifest, secret.metadata, validate_secret(secret)):
                    admission.secrets.append(secret)
                    admission.data_documents.append(document)
    return Admitted(
        tuple(admission.pods),
        tuple(admission.config_maps),
        tuple(admission.secrets),
        _in_order((*(f for result in results for f in result.findings), *admission.findings)),
        tuple(admission.data_documents),
    )


def _admit_pod(admission: _Admission, manifest: ManifestObject, document: Json) -> None:
    stored = apply_pod_defaults(document)
    pod = decode_pod(stored)
    errors = validate_pod(pod)
    more = [*findings_of(manifest.document, manifest.positions), *_advice(manifest, pod)]
    named_already = {error.path for error in errors}
    more = [finding for finding in more if finding.path not in named_already]
    admission.findings += more
    if _is_sound(admission, manifest, pod.metadata, errors) and not has_errors(more):
        admission.pods.append(PodManifest(stored, pod))


def _advice(manifest: ManifestObject, pod: Pod) -> Iterator[Finding]:
    for advice in lint_pod(pod):
        position = manifest.positions.at(advice.path)
        yield Finding.at(
            position, advice.path, advice.message, fix=advice.fix, severity=Severity.WARNING
        )


def _is_sound(
    admission: _Admission,
    manifest: ManifestObject,
    meta: ObjectMeta,
    errors: Iterable[FieldError],
) -> bool:
    """Note the errors of an object, and whether its name was taken before."""
    findings = [Finding.of(error, manifest.positions.at(error.path)) for error in errors]
    place = manifest.positions.at(_NAME)
    first = admission.places.setdefault((manifest.kind, meta.namespace, meta.name), place)
    if first is not place and meta.name:
        fix = f"rename it: {first.file}:{first.line} has a {manifest.kind} of this name"
        findings.append(Finding.of(duplicate(_NAME, meta.name), place, fix=fix))
    admission.findings += findings
    return not findings


def _with_identity(manifest: ManifestObject, identity: Identity) -> Json:
    """A copy of the document with what creation fills in (L-12, L-33, L-34)."""
    document: Json = copy_json(manifest.document)
    written: Mapping[str, Any] = document.get("metadata") or {}
    meta = {key: value for key, value in written.items() if key not in _SET_BY_US}
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = generated_name(meta["generateName"], identity.name_suffix())
    meta["namespace"] = meta.get("namespace") or "default"
    # A given one is not taken: it names directories, and two runs of a file are two Pods.
    meta["uid"] = identity.new_uid()
    meta["generation"] = 1
    created_at = identity.created_at.astimezone(UTC).replace(tzinfo=None)
    meta["creationTimestamp"] = created_at.isoformat(timespec="seconds") + "Z"
    document["metadata"] = meta
    return document


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    findings = tuple(findings)
    files = list(dict.fromkeys(finding.file for finding in findings))
    return tuple(sorted(findings, key=lambda finding: (files.index(finding.file), finding.line)))
