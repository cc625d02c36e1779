"""Discovery documents in all their forms (K-14 … K-19).

Role: the table of kinds → what clients read to learn which kinds there are. Pure.
Invariants: all forms tell the same; documents are made anew, so that a caller may add to them.
Upstream: k8s.io/apiserver pkg/endpoints/discovery.
"""

from __future__ import annotations

from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import RESOURCES, Resource, Subresource

KUBERNETES_VERSION = "1.33.0"
"""What clients may expect of this API."""


def discovery_content_type(version: str) -> str:
    """Of the aggregated form; clients compare it with what they asked for (K-16)."""
    return f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"


def aggregated_discovery(*, core: bool, version: str) -> Json:
    """`/api` (core) or `/apis` in one document; `version` is `v2` or `v2beta1` (K-16)."""
    groups = [group for group in _groups() if (group == "") == core]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": group_version,
                        "resources": [_aggregated(r) for r in _resources(group, group_version)],
                        "freshness": "Current",
                    }
                    for group_version in _versions(group)
                ],
            }
            for group in groups
        ],
    }


def api_versions() -> Json:
    """`/api` in the plain form."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def api_group_list() -> Json:
    """`/apis` in the plain form."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(group) for group in _groups() if group],
    }


def api_group(group: str) -> Json | None:
    """`/apis/GROUP`; None for a group that is not served."""
    if not group or group not in _groups():
        return None
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(group)


def api_resource_list(group: str, version: str) -> Json | None:
    """`/api/v1` or `/apis/GROUP/VERSION`, the subresources as entries of their own (K-17)."""
    resources = _resources(group, version)
    if not resources:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": [entry for resource in resources for entry in _entries(resource)],
    }


def version_info(*, minikubelet: str, python: str, platform: str) -> Json:
    """`/version`: all strings; `gitVersion` parses as a semantic version (K-19)."""
    major, minor, _patch = KUBERNETES_VERSION.split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{KUBERNETES_VERSION}-minikubelet.{minikubelet}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{python}",
        "compiler": "cpython",
        "platform": platform,
    }


def _groups() -> list[str]:
    return list(dict.fromkeys(resource.group for resource in RESOURCES))


def _versions(group: str) -> list[str]:
    """The preferred one first, as the table has them."""
    return list(dict.fromkeys(r.version for r in RESOURCES if r.group == group))


def _resources(group: str, version: str) -> list[Resource]:
    return [r for r in RESOURCES if (r.group, r.version) == (group, version)]


def _group(group: str) -> Json:
    versions = [
        {"groupVersion": f"{group}/{version}", "version": version} for version in _versions(group)
    ]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _aggregated(resource: Resource) -> Json:
    entry: Json = {
        "resource": resource.plural,
        "responseKind": _kind(resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular_name,
        "verbs": list(resource.verbs),
    }
    entry |= _names(resource)
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _kind(*_group_version(resource, sub), sub.kind),
                "verbs": list(sub.verbs),
            }
            for sub in resource.subresources
        ]
    return entry


def _entries(resource: Resource) -> list[Json]:
    entries: list[Json] = [
        {
            "name": resource.plural,
            "singularName": resource.singular_name,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        | _names(resource)
    ]
    for sub in resource.subresources:
        entry: Json = {
            "name": f"{resource.plural}/{sub.name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": sub.kind,
            "verbs": list(sub.verbs),
        }
        if sub.version:
            entry |= {"group": sub.group, "version": sub.version}
        entries.append(entry)
    return entries


def _names(resource: Resource) -> Json:
    names: Json = {}
    if resource.short_names:
        names["shortNames"] = list(resource.short_names)
    if resource.categories:
        names["categories"] = list(resource.categories)
    return names


def _group_version(resource: Resource, sub: Subresource) -> tuple[str, str]:
    return (sub.group, sub.version) if sub.version else (resource.group, resource.version)


def _kind(group: str, version: str, kind: str) -> Json:
    return {"group": group, "version": version, "kind": kind}
