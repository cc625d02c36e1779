"""Objects of manifests for the API: what `apply -f` and `delete -f` read.

Role: our own reader, so that what is wrong is said with its file and line; which path of the API
an object has.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from minikubelet.cli.api_options import Scope, UsageError
from minikubelet.cli.client import CommandError
from minikubelet.cli.inputs import read_inputs
from minikubelet.manifest.findings import Finding, has_errors
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.read import read_manifest
from minikubelet.store.kinds import Resource, resource_of
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """An object of a manifest, and where it belongs."""

    resource: Resource
    name: str
    namespace: str | None
    document: Json

    @property
    def path(self) -> str:
        return Scope(self.namespace).path(self.resource, self.name)


def read_objects(files: Sequence[str], namespace: str, *, forced: bool) -> list[WrittenObject]:
    """All objects of the files, in order; raises CommandError before any is used.

    `namespace` is for objects that name none; when it was `forced` no object may name another.
    """
    inputs = read_inputs(files, sys.stdin.buffer)
    findings: list[Finding] = list(inputs.findings)
    objects: list[WrittenObject] = []
    for text in inputs.texts:
        read = read_manifest(text.text, text.file, any_kind=True)
        findings += read.findings
        for found in read.objects:
            objects.append(_written(found.document, found.file, namespace, forced=forced))
    for finding in findings:
        print(f"{finding}", file=sys.stderr)
    if has_errors(findings):
        raise CommandError("the manifests are not right: nothing was sent")
    return objects


def _written(document: Json, file: str, namespace: str, *, forced: bool) -> WrittenObject:
    api_version, kind = document["apiVersion"], document["kind"]
    resource = resource_of(api_version, kind)
    metadata = document.get("metadata") or {}
    if resource is None:
        raise CommandError(f'{file}: no matches for kind "{kind}" in version "{api_version}"')
    if not metadata.get("name"):
        raise CommandError(f"{file}: {kind}: metadata.name is missing")
    own = metadata.get("namespace")
    if forced and resource.namespaced and own not in (None, namespace):
        raise UsageError(
            f'the namespace from the provided object "{own}" does not match the namespace '
            f"\"{namespace}\". You must pass '--namespace={own}' to perform this operation."
        )
    where = (own or namespace) if resource.namespaced else None
    return WrittenObject(resource, metadata["name"], where, document)
