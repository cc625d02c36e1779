"""kubectl logs and run (wire, sections 17.5 and 10)."""

from __future__ import annotations

import re

import pytest

from tests.kubectl import Kubectl, each_kubectl
from tests.kubectl_matrix.manifests import pod, text

pytestmark = [pytest.mark.timeout(120), pytest.mark.parametrize("version", each_kubectl())]


def test_logs(kubectl: Kubectl) -> None:
    said = pod("web", ["sh", "-c", "echo one; echo two; echo three >&2"], restartPolicy="Never")
    kubectl.ok("apply", "-f", "-", stdin=text(said))
    kubectl.ok("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/web", "--timeout=20s")
    whole = kubectl.ok("logs", "web")
    assert sorted(whole.splitlines()) == ["one", "three", "two"]
    assert kubectl.ok("logs", "web", "--tail=1").count("\n") == 1
    stamped = kubectl.ok("logs", "web", "-c", "app", "--timestamps")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z one\n", stamped)
    assert kubectl.ok("logs", "web", "--since=1h") == whole
    assert kubectl.ok("logs", "web", "--limit-bytes=5") == whole[:5]
    prefixed = kubectl.ok("logs", "-l", "app=web", "--prefix", "--all-containers")
    assert "[pod/web/app] one" in prefixed
    previous = kubectl("logs", "web", "--previous")
    assert previous.returncode == 1
    assert 'previous terminated container "app" in pod "web" not found' in previous.stderr  # K-65
    unknown = kubectl("logs", "web", "-c", "nope")
    assert (unknown.returncode, "nope" in unknown.stderr) == (1, True)


def test_following_ends_with_the_container(kubectl: Kubectl) -> None:
    lines = pod("brief", ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done"])
    lines["spec"]["restartPolicy"] = "Never"
    kubectl.ok("apply", "-f", "-", stdin=text(lines))
    kubectl.ok(
        "wait",
        "--for=jsonpath={.status.containerStatuses[0].image}=busybox",
        "pod/brief",
        "--timeout=20s",
    )
    assert kubectl.ok("logs", "-f", "brief", "--pod-running-timeout=20s") == "1\n2\n3\n"


def test_run_makes_a_pod(kubectl: Kubectl) -> None:
    made = kubectl.ok(
        "run", "hello", "--image=busybox", "--restart=Never", "--command", "--", "echo", "hi"
    )
    assert made == "pod/hello created\n"
    done = ("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/hello", "--timeout=20s")
    kubectl.ok(*done)
    assert kubectl.ok("logs", "hello") == "hi\n"
