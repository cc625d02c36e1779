"""Discovery in all its forms (K-14 … K-19)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from minikubelet.apiserver.discovery import (
    aggregated_discovery,
    api_group,
    api_group_list,
    api_resource_list,
    api_versions,
    discovery_content_type,
    version_info,
)
from minikubelet.store.kinds import RESOURCES
from tests.apiserver.documents_server import kubectl_on_documents
from tests.kubectl import each_kubectl, oldest_and_newest

GROUP_VERSIONS = {(r.group, r.version) for r in RESOURCES}


def aggregated_versions(version: str = "v2") -> dict[tuple[str, str], list[dict[str, Any]]]:
    found = {}
    for core in (True, False):
        for item in aggregated_discovery(core=core, version=version)["items"]:
            for entry in item["versions"]:
                assert entry["freshness"] == "Current"
                found[item["metadata"].get("name", ""), entry["version"]] = entry["resources"]
    return found


def resource_list(group: str, version: str) -> list[dict[str, Any]]:
    document = api_resource_list(group, version)
    assert document is not None
    assert document["groupVersion"] == (f"{group}/{version}" if group else version)
    resources: list[dict[str, Any]] = document["resources"]
    return resources


def test_both_versions_of_the_aggregated_form_are_the_same() -> None:
    assert aggregated_versions("v2") == aggregated_versions("v2beta1")
    document = aggregated_discovery(core=False, version="v2beta1")
    assert (document["kind"], document["apiVersion"]) == (
        "APIGroupDiscoveryList",
        "apidiscovery.k8s.io/v2beta1",
    )
    assert discovery_content_type("v2") == (
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    )


def test_the_core_group_has_no_name_and_an_address_of_its_own() -> None:
    core = aggregated_discovery(core=True, version="v2")["items"]
    assert [item["metadata"] for item in core] == [{}]
    others = aggregated_discovery(core=False, version="v2")["items"]
    assert all(item["metadata"]["name"] for item in others)


def test_all_forms_tell_the_same() -> None:
    aggregated = aggregated_versions()
    assert aggregated.keys() == GROUP_VERSIONS
    for (group, version), resources in aggregated.items():
        plain = {entry["name"]: entry for entry in resource_list(group, version)}
        for resource in resources:
            entry = plain.pop(resource["resource"])
            assert entry["verbs"] == resource["verbs"]
            assert entry["kind"] == resource["responseKind"]["kind"]
            assert entry["singularName"] == resource["singularResource"]
            assert entry["namespaced"] == (resource["scope"] == "Namespaced")
            assert entry.get("shortNames") == resource.get("shortNames")
            assert entry.get("categories") == resource.get("categories")
            for sub in resource.get("subresources", ()):
                entry = plain.pop(f"{resource['resource']}/{sub['subresource']}")
                assert entry["verbs"] == sub["verbs"]
                kind = {
                    "group": entry.get("group", group),
                    "version": entry.get("version", version),
                    "kind": entry["kind"],
                }
                assert kind == sub["responseKind"]
        assert not plain


def test_what_clients_look_for() -> None:
    # K-18: eviction for drain, ephemeral containers for debug, scale for scale.
    core = {entry["name"]: entry for entry in resource_list("", "v1")}
    assert core["pods"] == {
        "name": "pods",
        "singularName": "pod",
        "namespaced": True,
        "kind": "Pod",
        "verbs": [
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ],
        "shortNames": ["po"],
        "categories": ["all"],
    }
    assert core["pods/eviction"] == {
        "name": "pods/eviction",
        "singularName": "",
        "namespaced": True,
        "kind": "Eviction",
        "verbs": ["create"],
        "group": "policy",
        "version": "v1",
    }
    assert "patch" in core["pods/ephemeralcontainers"]["verbs"]
    apps = {entry["name"]: entry for entry in resource_list("apps", "v1")}
    assert (apps["deployments/scale"]["group"], apps["deployments/scale"]["kind"]) == (
        "autoscaling",
        "Scale",
    )


def test_groups() -> None:
    assert api_versions()["versions"] == ["v1"]
    groups = {group["name"]: group for group in api_group_list()["groups"]}
    assert groups.keys() == {group for group, _ in GROUP_VERSIONS if group}
    authentication = groups["authentication.k8s.io"]
    assert [v["version"] for v in authentication["versions"]] == ["v1", "v1beta1"]
    assert authentication["preferredVersion"] == authentication["versions"][0]
    named = {"kind": "APIGroup", "apiVersion": "v1"} | authentication
    assert api_group("authentication.k8s.io") == named
    assert api_group("") is None
    assert api_group("rbac.authorization.k8s.io") is None
    assert api_resource_list("apps", "v1beta1") is None


def test_version() -> None:
    # K-19
    version = version_info(minikubelet="0.2.0", python="3.12.1", platform="linux/amd64")
    assert version.keys() == {
        "major",
        "minor",
        "gitVersion",
        "gitCommit",
        "gitTreeState",
        "buildDate",
        "goVersion",
        "compiler",
        "platform",
    }
    assert all(isinstance(value, str) for value in version.values())
    assert re.fullmatch(r"v\d+\.\d+\.\d+-minikubelet\.\d+\.\d+\.\d+", version["gitVersion"])


@pytest.mark.parametrize("version", each_kubectl())
def test_kubectl_lists_every_kind(version: str, tmp_path: Path) -> None:
    check_listing(version, tmp_path, aggregated=True)


@pytest.mark.parametrize("version", oldest_and_newest())
def test_kubectl_lists_every_kind_from_plain_documents(version: str, tmp_path: Path) -> None:
    check_listing(version, tmp_path, aggregated=False)


def check_listing(version: str, tmp_path: Path, *, aggregated: bool) -> None:
    with kubectl_on_documents(version, tmp_path, aggregated=aggregated) as kubectl:
        rows = kubectl.ok("api-resources", "-o", "wide", "--no-headers").splitlines()
        versions = kubectl.ok("api-versions").split()
    preferred = {
        r for r in RESOURCES if (r.group, r.version) != ("authentication.k8s.io", "v1beta1")
    }
    shown = {tuple(row.split()) for row in rows}
    assert shown == {
        tuple(
            cell
            for cell in (
                r.plural,
                ",".join(r.short_names),
                r.api_version,
                str(r.namespaced).lower(),
                r.kind,
                ",".join(r.verbs),
                ",".join(r.categories),
            )
            if cell
        )
        for r in preferred
    }
    assert set(versions) == {r.api_version for r in RESOURCES}
