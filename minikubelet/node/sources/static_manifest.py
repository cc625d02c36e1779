"""The text of one static manifest → a static pod, or what is wrong with it (L-6 … L-16).

Role: first document only, defaults, identity, validation.
Invariants: pure; a problem is one line for the log and the Event, with the file's name.
"""

from __future__ import annotations

import re

from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.defaults import apply_pod_defaults
from minikubelet.manifest.findings import Finding, Severity
from minikubelet.manifest.json_text import looks_like_json
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Pod
from minikubelet.manifest.read import ManifestObject, read_manifest
from minikubelet.manifest.static_pods import api_object_used, as_static_pod, is_uid
from minikubelet.manifest.support import findings_of
from minikubelet.manifest.validate_pod import validate_pod
from minikubelet.value_class import dataclass

MAX_BYTES = 10 * 1024 * 1024
_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_NOTHING = re.compile(r"(?:\s|#[^\n]*(?:\n|\Z)|%[^\n]*(?:\n|\Z))*")


@dataclass(frozen=True, slots=True)
class StaticManifest:
    """A static pod and the file that it comes from."""

    path: str
    pod: Pod
    document: Json
    warnings: tuple[str, ...] = ()


class StaticManifestError(Exception):
    """The file gives no pod; the text says why."""


def read_static_manifest(data: bytes, path: str, node_name: str) -> StaticManifest:
    """Raises StaticManifestError."""
    if len(data) > MAX_BYTES:  # L-7
        raise StaticManifestError(f"{path}: larger than 10 MiB")
    manifest, warnings = _first_object(data, path)
    document = apply_pod_defaults(manifest.document)
    if not (document.get("metadata") or {}).get("name"):
        raise StaticManifestError(f"{path}: invalid pod: name is needed for the pod")
    static = as_static_pod(document, node_name, path)
    pod = decode_pod(static)
    errors = [str(error) for error in validate_pod(pod)]
    if not is_uid(pod.metadata.uid):
        errors.append("metadata.uid: must consist of letters, digits, '-', '_' and '.'")
    if errors:
        raise StaticManifestError(f"{path}: invalid pod: [{' '.join(errors)}]")
    if (what := api_object_used(static)) is not None:
        raise StaticManifestError(f"{path}: static pods may not reference {what}")
    unsupported = findings_of(manifest.document, manifest.positions)
    if broken := [f for f in unsupported if f.severity is Severity.ERROR]:
        raise StaticManifestError("; ".join(str(finding) for finding in broken))
    warnings = (*warnings, *(str(finding) for finding in unsupported))
    return StaticManifest(path, pod, static, warnings)


def _first_object(data: bytes, path: str) -> tuple[ManifestObject, tuple[str, ...]]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _cannot_parse(path, str(error)) from error
    text = _first_document(text.removeprefix("\ufeff"))
    if _NOTHING.fullmatch(text.removeprefix("---")):
        raise _cannot_parse(path, "its first document is empty")
    result = read_manifest(text, path, unknown=Severity.WARNING)
    errors = [finding for finding in result.findings if finding.severity is Severity.ERROR]
    if errors:
        raise _cannot_parse(path, _told(errors[0], path))
    if len(result.objects) != 1 or result.objects[0].kind != "Pod":
        kinds = ", ".join(manifest.kind for manifest in result.objects) or "nothing"
        raise _cannot_parse(path, f"one Pod is wanted, not {kinds}")
    return result.objects[0], tuple(str(finding) for finding in result.findings)


def _first_document(text: str) -> str:
    """Up to the second document (L-8); what stands before a first `---` may be comments only."""
    if looks_like_json(text):
        return text
    begins = [match.start() for match in _SEPARATOR.finditer(text)]
    if begins and _NOTHING.fullmatch(text, 0, begins[0]):
        del begins[0]
    return text[: begins[0]] if begins else text


def _told(finding: Finding, path: str) -> str:
    return str(finding).removeprefix(f"{path}:").strip()


def _cannot_parse(path: str, detail: str) -> StaticManifestError:
    return StaticManifestError(f"{path}: couldn't parse as pod({detail}), please check config file")
