"""Each rule finds what it is for, and nothing in a manifest that avoids it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from minikubelet.cli.inputs import NOBODY
from minikubelet.manifest.admit import admit
from minikubelet.manifest.read import read_manifest
from minikubelet.plan.finding import PlanFinding
from minikubelet.plan.pod_plan import plan_pod
from minikubelet.plan.rules import CONTAINER_RULES, POD_RULES, find_harm

HTTP = {"httpGet": {"path": "/healthz", "port": 8080}}
READY = {"httpGet": {"path": "/readyz", "port": 8080}}
TCP = {"tcpSocket": {"port": 8080}}
PROGRAMS = {"cat", "curl", "python3", "java", "sh", "test"}
WEB = [{"containerPort": 8080}]


def http(path: str = "/healthz", port: int | str = 8080, **action: Any) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port, **action}}


def run(*command: str) -> dict[str, Any]:
    return {"exec": {"command": list(command)}}


def spec(*more: dict[str, Any], pod: dict[str, Any] | None = None, **container: Any) -> Any:
    """A pod's spec with the container `app`, others after it."""
    containers = [{"name": "app", "image": "x", "command": ["x"], **container}, *more]
    return {"containers": containers, **(pod or {})}


def other(name: str = "other", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "x", "command": ["x"], **fields}


def sidecar(**fields: Any) -> Any:
    return spec(pod={"initContainers": [other("side", restartPolicy="Always", **fields)]})


FIXTURES: dict[str, tuple[Any, Any]] = {
    "MK101": (
        spec(livenessProbe=HTTP, readinessProbe={**READY, "initialDelaySeconds": 40}),
        spec(
            startupProbe={**READY, "failureThreshold": 30},
            livenessProbe=HTTP,
            readinessProbe={**READY, "initialDelaySeconds": 40},
        ),
    ),
    "MK102": (
        spec(startupProbe=HTTP, readinessProbe={**READY, "initialDelaySeconds": 40}),
        spec(startupProbe=HTTP, readinessProbe={**READY, "initialDelaySeconds": 20}),
    ),
    "MK103": (
        spec(livenessProbe={**HTTP, "periodSeconds": 5, "timeoutSeconds": 5}),
        spec(
            livenessProbe={**HTTP, "periodSeconds": 5, "timeoutSeconds": 4},
            readinessProbe={**READY, "periodSeconds": 1, "timeoutSeconds": 1},
        ),
    ),
    "MK104": (
        spec(livenessProbe=HTTP, readinessProbe=HTTP),
        spec(livenessProbe={**HTTP, "failureThreshold": 6}, readinessProbe=HTTP),
    ),
    "MK105": (
        spec(livenessProbe={**HTTP, "periodSeconds": 5}, readinessProbe=READY),
        spec(livenessProbe=HTTP, readinessProbe=READY),
    ),
    "MK106": (
        spec(livenessProbe={**HTTP, "failureThreshold": 1}),
        spec(livenessProbe={**HTTP, "failureThreshold": 2}),
    ),
    "MK107": (
        spec(
            startupProbe={**HTTP, "initialDelaySeconds": 10},
            livenessProbe={**HTTP, "initialDelaySeconds": 10},
        ),
        spec(
            startupProbe={**HTTP, "initialDelaySeconds": 10},
            livenessProbe={**HTTP, "initialDelaySeconds": 11},
        ),
    ),
    "MK108": (
        spec(livenessProbe={**HTTP, "periodSeconds": 60, "failureThreshold": 10}),
        spec(livenessProbe={**HTTP, "periodSeconds": 60, "failureThreshold": 9}),
    ),
    "MK109": (
        spec(livenessProbe={**HTTP, "initialDelaySeconds": 60}),
        spec(livenessProbe={**HTTP, "initialDelaySeconds": 59}),
    ),
    "MK201": (
        spec(livenessProbe=http(port=8081), ports=WEB),
        spec(livenessProbe=http(port=8081)),
    ),
    "MK202": (
        spec(readinessProbe=http(port="web"), ports=WEB),
        spec(readinessProbe=http(port="web"), ports=[{"name": "web", "containerPort": 8080}]),
    ),
    "MK203": (
        spec(other(ports=[{"containerPort": 9090}]), livenessProbe=http(port=9090), ports=WEB),
        spec(other(ports=[{"containerPort": 9090}]), livenessProbe=HTTP, ports=WEB),
    ),
    "MK204": (
        spec(livenessProbe=TCP, ports=[{"containerPort": 8080, "protocol": "UDP"}]),
        spec(livenessProbe=TCP, ports=[{"containerPort": 8080, "protocol": "UDP"}, *WEB]),
    ),
    "MK205": (
        spec(readinessProbe=http(httpHeaders=[{"name": "host", "value": "shop.example.com"}])),
        spec(readinessProbe=http(httpHeaders=[{"name": "X-Probe", "value": "shop.example.com"}])),
    ),
    "MK206": (spec(livenessProbe=http(host="db.example.com")), spec(livenessProbe=HTTP)),
    "MK207": (
        spec(livenessProbe=http(host="127.0.0.1")),
        spec(livenessProbe=http(host="127.0.0.1"), pod={"hostNetwork": True}),
    ),
    "MK208": (spec(livenessProbe=http("/$(ROOT)/healthz")), spec(livenessProbe=http("/a/healthz"))),
    "MK209": (
        spec(livenessProbe=TCP, readinessProbe=READY),
        spec(livenessProbe=TCP, readinessProbe=http(port=9090)),
    ),
    "MK210": (
        spec(livenessProbe=run("pg_isready")),
        spec(livenessProbe=run("cat", "healthy"), readinessProbe=run("./check")),
    ),
    "MK211": (spec(livenessProbe=run("cat healthy")), spec(livenessProbe=run("cat", "healthy"))),
    "MK212": (
        spec(livenessProbe=run("test", "-e", "a", "&&", "test", "-e", "b")),
        spec(livenessProbe=run("sh", "-c", "test -e a && test -e b")),
    ),
    "MK213": (
        spec(livenessProbe=run("curl", "-s", "http://127.0.0.1:8080/")),
        spec(livenessProbe=run("curl", "-sf", "http://127.0.0.1:8080/")),
    ),
    "MK214": (
        spec(livenessProbe={**run("java", "-jar", "check.jar"), "periodSeconds": 10}),
        spec(livenessProbe={**run("python3", "check.py"), "periodSeconds": 10}),
    ),
    "MK301": (
        spec(
            lifecycle={"preStop": run("sh", "-c", "sleep 20; sleep 9")},
            pod={"terminationGracePeriodSeconds": 30},
        ),
        spec(
            lifecycle={"preStop": {"sleep": {"seconds": 28}}},
            pod={"terminationGracePeriodSeconds": 30},
        ),
    ),
    "MK302": (
        spec(livenessProbe={**HTTP, "terminationGracePeriodSeconds": 31}),
        spec(livenessProbe={**HTTP, "terminationGracePeriodSeconds": 30}),
    ),
    "MK303": (
        spec(
            livenessProbe={**HTTP, "terminationGracePeriodSeconds": 10},
            lifecycle={"preStop": run("sleep", "9")},
        ),
        spec(
            livenessProbe={**HTTP, "terminationGracePeriodSeconds": 10},
            lifecycle={"preStop": run("sleep", "8")},
        ),
    ),
    "MK304": (
        spec(livenessProbe=HTTP, pod={"terminationGracePeriodSeconds": 300}),
        spec(
            livenessProbe={**HTTP, "terminationGracePeriodSeconds": 10},
            pod={"terminationGracePeriodSeconds": 300},
        ),
    ),
    "MK401": (
        spec(livenessProbe=HTTP, pod={"restartPolicy": "Never"}),
        spec(livenessProbe=HTTP, pod={"restartPolicy": "OnFailure"}),
    ),
    "MK402": (
        sidecar(readinessProbe=READY),
        sidecar(readinessProbe=READY, startupProbe={**READY, "periodSeconds": 1}),
    ),
    "MK403": (
        spec(other(), lifecycle={"postStart": run("sleep", "10")}),
        spec(lifecycle={"postStart": run("sleep", "10")}),
    ),
    "MK404": (
        spec(
            readinessProbe={**READY, "initialDelaySeconds": 30},
            pod={"activeDeadlineSeconds": 30},
        ),
        spec(
            readinessProbe={**READY, "initialDelaySeconds": 30},
            pod={"activeDeadlineSeconds": 31},
        ),
    ),
    "MK405": (
        spec(other(ports=WEB), ports=WEB),
        spec(other(ports=[{"containerPort": 8080, "protocol": "UDP"}]), ports=WEB),
    ),
    "MK406": (
        spec(pod={"readinessGates": [{"conditionType": "example.com/ready"}]}),
        spec(),
    ),
}
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/pod*.yaml"))


def findings(text: str) -> tuple[PlanFinding, ...]:
    admitted = admit([read_manifest(text, "pod.yaml")], NOBODY)
    assert admitted.pods, [str(finding) for finding in admitted.findings]
    return tuple(
        finding
        for manifest in admitted.pods
        for finding in find_harm(manifest.pod, plan_pod(manifest.pod), PROGRAMS.__contains__)
    )


def pod_text(pod_spec: Any) -> str:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": pod_spec}
    return yaml.safe_dump(pod)


def test_each_rule_has_its_fixtures() -> None:
    assert list(FIXTURES) == [*CONTAINER_RULES, *POD_RULES]


@pytest.mark.parametrize("rule", FIXTURES)
def test_what_a_rule_is_for(rule: str) -> None:
    bad, _ = FIXTURES[rule]
    found = [finding for finding in findings(pod_text(bad)) if finding.rule == rule]
    assert len(found) == 1
    timeline = found[0].harm.timeline
    assert len(timeline) >= 2
    assert [m.seconds for m in timeline] == sorted(max(m.seconds, 0.0) for m in timeline)


@pytest.mark.parametrize("rule", FIXTURES)
def test_what_a_rule_lets_pass(rule: str) -> None:
    _, good = FIXTURES[rule]
    assert [finding.rule for finding in findings(pod_text(good)) if finding.rule == rule] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_nothing_is_found_in_the_examples(example: Path) -> None:
    assert findings(example.read_text()) == ()


def test_readiness_without_liveness_is_fine() -> None:
    assert findings(pod_text(spec(readinessProbe=READY))) == ()


def test_a_path_of_the_containers_own_is_not_judged() -> None:
    own = spec(livenessProbe=run("pg_isready"), env=[{"name": "PATH", "value": "/opt/pg/bin"}])
    assert findings(pod_text(own)) == ()


def test_the_timeline_shows_the_harm() -> None:
    bad, _ = FIXTURES["MK101"]
    finding = findings(pod_text(bad))[0]
    assert str(finding.harm.path) == "spec.containers[0].livenessProbe"
    assert [(moment.seconds, moment.what) for moment in finding.harm.timeline] == [
        (0.0, "the process starts"),
        (10.0, "livenessProbe fails for the first time"),
        (30.0, "3 failures: the container is killed"),
        (40.0, "readinessProbe would have asked for the first time"),
    ]
