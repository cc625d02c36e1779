"""kubectl reads: discovery, every form of `get`, describe, explain, events (wire, section 17.1)."""

from __future__ import annotations

import json
import re

import pytest

from tests.kubectl import Kubectl, each_kubectl
from tests.kubectl_matrix.manifests import pod, text

pytestmark = [pytest.mark.timeout(120), pytest.mark.parametrize("version", each_kubectl())]


def test_discovery(kubectl: Kubectl) -> None:
    resources = kubectl.ok("api-resources", "-o", "wide")
    assert re.search(r"^pods +po +v1 +true +Pod +", resources, re.M)
    assert re.search(r"^events +ev +events.k8s.io/v1 +true +Event +", resources, re.M)
    assert "v1\n" in kubectl.ok("api-versions")
    assert "Server Version" in kubectl.ok("version")
    assert "is running at" in kubectl.ok("cluster-info")
    explained = kubectl.ok("explain", "pod.spec.containers.livenessProbe")
    assert "periodSeconds" in explained
    assert "httpGet" in kubectl.ok("explain", "pods", "--recursive")


def test_every_form_of_get(kubectl: Kubectl, namespace: str) -> None:
    kubectl.ok("apply", "-f", "-", stdin=text(pod("web"), pod("other")))
    kubectl.ok("wait", "--for=condition=Ready", "pod/web", "pod/other", "--timeout=20s")
    rows = kubectl.ok("get", "pods")
    assert re.search(r"^NAME +READY +STATUS +RESTARTS +AGE\n", rows)
    assert re.search(r"^web +1/1 +Running +0 +\d+s$", rows, re.M)
    wide = kubectl.ok("get", "po", "web", "-o", "wide", "--no-headers")
    assert re.match(r"web +1/1 +Running +0 +\d+s +127\.0\.0\.1 +\S+ +<none> +<none>\n$", wide)
    assert kubectl.ok("get", "pod", "web", "other", "-o", "name") == "pod/web\npod/other\n"
    document = json.loads(kubectl.ok("get", "pod/web", "-o", "json"))
    assert document["status"]["phase"] == "Running"
    assert "phase: Running" in kubectl.ok("get", "pod", "web", "-o", "yaml")
    path = "{.items[*].metadata.name}"
    assert kubectl.ok("get", "pods", "-o", f"jsonpath={path}") == "other web"
    columns = "custom-columns=N:.metadata.name,P:.status.phase"
    assert re.search(r"^web +Running$", kubectl.ok("get", "pods", "-o", columns), re.M)
    assert kubectl.ok("get", "pods", "-l", "app=web", "-o", "name") == "pod/web\n"
    assert kubectl.ok("get", "pods", "-l", "app notin (web)", "-o", "name") == "pod/other\n"
    selector = "status.phase=Running,metadata.name=web"
    assert kubectl.ok("get", "pods", "--field-selector", selector, "-o", "name") == "pod/web\n"
    assert "app=web" in kubectl.ok("get", "pods", "--show-labels")
    by_name = kubectl.ok("get", "pods", "--sort-by=.metadata.name", "-o", "name")
    assert by_name == "pod/other\npod/web\n"
    assert re.search(rf"^{namespace} +web ", kubectl.ok("get", "pods", "-A"), re.M)
    everything = kubectl("get", "all")
    assert (everything.returncode, everything.stderr) == (0, "")
    assert re.search(r"^pod/web +1/1 ", everything.stdout, re.M)
    nodes = kubectl.ok("get", "nodes,ns")
    assert re.search(r"^node/\S+ +Ready ", nodes, re.M)
    assert re.search(r"^namespace/default +Active ", nodes, re.M)


def test_what_is_not_there(kubectl: Kubectl) -> None:
    missing = kubectl("get", "pod", "nobody")
    assert (missing.returncode, missing.stderr) == (
        1,
        'Error from server (NotFound): pods "nobody" not found\n',
    )  # K-48
    assert kubectl("get", "pod", "nobody", "--ignore-not-found").returncode == 0
    none = kubectl("get", "pods")
    assert none.returncode == 0
    assert none.stderr.startswith("No resources found in ")
    assert kubectl("get", "deployments,jobs,rc").returncode == 0
    unknown = kubectl("get", "unicorns")
    assert unknown.returncode == 1
    assert 'the server doesn\'t have a resource type "unicorns"' in unknown.stderr


def test_describe_and_events(kubectl: Kubectl, namespace: str) -> None:
    kubectl.ok("apply", "-f", "-", stdin=text(pod("web")))
    kubectl.ok("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
    described = kubectl.ok("describe", "pod", "web")
    assert re.search(r"^Status: +Running$", described, re.M)
    assert re.search(r"^ +Container ID: +process://[0-9a-f]{64}$", described, re.M)
    events = kubectl.ok("events", "--for", "pod/web")
    for reason in ("Scheduled", "Created", "Started"):
        assert re.search(rf"^ +Normal +{reason} ", described, re.M), described
        assert f"Normal   {reason}" in events or re.search(rf"Normal +{reason} ", events)
    listed = kubectl.ok("get", "events", "--field-selector", "reason=Started", "-o", "name")
    assert listed.startswith("event/web.")
    node = kubectl.ok("get", "nodes", "-o", "name").strip().removeprefix("node/")
    about_node = kubectl.ok("describe", "node", node)
    assert "web" in about_node
    assert re.search(r"^ +Ready +True ", about_node, re.M)
    assert "Active" in kubectl.ok("describe", "ns", namespace)
    for kind in ("configmap", "secret", "serviceaccount", "service"):
        assert kubectl("describe", kind).returncode == 0


def test_watching(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=text(pod("short", ["true"], restartPolicy="Never")))
    done = ("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/short", "--timeout=20s")
    kubectl.ok(*done)
    seen = kubectl("get", "pods", "-w", "--request-timeout=1s")
    assert re.search(r"^short +0/1 +Completed +0 ", seen.stdout, re.M)


def test_metrics_and_rights(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=text(pod("web")))
    kubectl.ok("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
    assert re.search(r"^web +\d+m +\d+Mi", kubectl.ok("top", "pod"), re.M)
    assert re.search(r"%", kubectl.ok("top", "node"))
    assert kubectl.ok("auth", "can-i", "create", "pods") == "yes\n"
    assert "*.*" in kubectl.ok("auth", "can-i", "--list")
    assert kubectl.ok("auth", "whoami")
