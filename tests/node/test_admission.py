"""What the node takes and what it refuses, in which words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from minikubelet.manifest.placement import (
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Toleration,
)
from minikubelet.manifest.pod import (
    Container,
    ContainerPort,
    Pod,
    ResourceRequirements,
)
from minikubelet.node.admission import NodeFacts, Rejection, check_admission
from minikubelet.node.node_match import Taint, untolerated
from tests.pod.builders import a_container, a_pod, a_sidecar

NODE = NodeFacts(
    "node",
    {"disk": "ssd", "cores": "8", "word": "x"},
    {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "10Gi", "pods": "3"},
)


def asking(**requests: str) -> Container:
    texts = {name.replace("_", "-"): text for name, text in requests.items()}
    return a_container(resources=ResourceRequirements(requests=texts))


def with_port(port: int, *, ip: str = "", protocol: str = "TCP") -> Container:
    return a_container(ports=(ContainerPort(port, "", protocol, port, ip),))


def check(pod: Pod, *active: Pod, node: NodeFacts = NODE, static: bool = False) -> Rejection | None:
    return check_admission(pod, active, node, static=static)


def out_of(name: str, requested: int, used: int, capacity: int) -> Rejection:
    return Rejection(
        f"OutOf{name}",
        f"Node didn't have enough resource: {name}, requested: {requested}, used: {used}, "
        f"capacity: {capacity}",
    )


@pytest.mark.parametrize(
    ("pod", "active", "expected"),
    [
        pytest.param(
            a_pod(asking(cpu="1500m")),
            [a_pod(asking(cpu="500m"))],
            None,
            id="what just fits is taken",
        ),
        pytest.param(
            a_pod(asking(cpu="1501m")),
            [a_pod(asking(cpu="500m"))],
            out_of("cpu", 1501, 500, 2000),
            id="cpu counts in milli units",
        ),
        pytest.param(
            a_pod(asking(memory="2Gi")), [], out_of("memory", 2**31, 0, 2**30), id="memory in bytes"
        ),
        pytest.param(
            a_pod(asking(ephemeral_storage="11Gi")),
            [],
            out_of("ephemeral-storage", 11 * 2**30, 0, 10 * 2**30),
            id="ephemeral storage",
        ),
        pytest.param(
            a_pod(asking(cpu="9")), [a_pod()] * 3, out_of("pods", 1, 3, 3), id="pods come first"
        ),
        pytest.param(
            a_pod(asking(**{"hugepages-2Mi": "4Mi"})),
            [],
            out_of("hugepages-2Mi", 4 * 2**20, 0, 0),
            id="huge pages that the node lacks",
        ),
        pytest.param(
            a_pod(asking(**{"example.com/gpu": "1"})), [], None, id="unknown devices do not count"
        ),
        pytest.param(
            a_pod(asking(cpu="1"), init=[asking(cpu="2")]),
            [],
            None,
            id="an init container does not add up",
        ),
        pytest.param(
            a_pod(
                asking(cpu="1"),
                init=[a_sidecar(resources=ResourceRequirements(requests={"cpu": "1100m"}))],
            ),
            [],
            out_of("cpu", 2100, 0, 2000),
            id="a sidecar does",
        ),
        pytest.param(
            a_pod(asking(cpu="1"), overhead={"cpu": "1100m"}),
            [],
            out_of("cpu", 2100, 0, 2000),
            id="so does overhead",
        ),
    ],
)
def test_resources(pod: Pod, active: list[Pod], expected: Rejection | None) -> None:  # L-70
    assert check(pod, *active) == expected


AFFINITY = Rejection(
    "NodeAffinity",
    "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
)


def term(key: str, operator: str, *values: str, field: bool = False) -> NodeSelectorTerm:
    requirement = (NodeSelectorRequirement(key, operator, values),)
    return NodeSelectorTerm((), requirement) if field else NodeSelectorTerm(requirement)


@pytest.mark.parametrize(
    ("terms", "fits"),
    [
        ((term("disk", "In", "hdd", "ssd"),), True),
        ((term("disk", "In", "hdd"),), False),
        ((term("none", "In", "a"),), False),
        ((term("disk", "NotIn", "hdd"),), True),
        ((term("none", "NotIn", "a"),), True),
        ((term("disk", "NotIn", "ssd"),), False),
        ((term("disk", "Exists"),), True),
        ((term("none", "Exists"),), False),
        ((term("none", "DoesNotExist"),), True),
        ((term("disk", "DoesNotExist"),), False),
        ((term("cores", "Gt", "7"),), True),
        ((term("cores", "Gt", "8"),), False),
        ((term("cores", "Lt", "9"),), True),
        ((term("word", "Gt", "1"),), False),
        ((term("cores", "Lt", "x"),), False),
        pytest.param((term("cores", "Lt", "9" * 5000),), False, id="beyond 64 bits nothing fits"),
        ((term("disk", "Bogus", "ssd"),), False),
        ((term("metadata.name", "In", "node", field=True),), True),
        ((term("metadata.name", "NotIn", "node", field=True),), False),
        ((term("metadata.uid", "In", "node", field=True),), False),
        ((term("none", "Exists"), term("disk", "Exists")), True),
        ((NodeSelectorTerm(),), False),
        ((), False),
    ],
)
def test_required_node_affinity(terms: tuple[NodeSelectorTerm, ...], fits: bool) -> None:
    pod = a_pod(node_affinity=NodeAffinity(required=terms))
    assert check(pod) == (None if fits else AFFINITY)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [({"disk": "ssd"}, None), ({"disk": "hdd"}, AFFINITY), ({"none": ""}, AFFINITY)],
)
def test_node_selector(selector: Mapping[str, str], expected: Rejection | None) -> None:
    assert check(a_pod(node_selector=selector)) == expected


@pytest.mark.parametrize(
    ("one", "other", "free"),
    [
        pytest.param(with_port(80), with_port(80), False, id="the same port"),
        pytest.param(with_port(80), with_port(81), True, id="another port"),
        pytest.param(with_port(80), with_port(80, protocol="UDP"), True, id="another protocol"),
        pytest.param(
            with_port(80, ip="10.0.0.1"), with_port(80, ip="10.0.0.2"), True, id="other address"
        ),
        pytest.param(
            with_port(80, ip="10.0.0.1"), with_port(80, ip="0.0.0.0"), False, id="any address"
        ),
        pytest.param(
            a_container(ports=(ContainerPort(80),)), with_port(80), True, id="no host port"
        ),
    ],
)
def test_host_ports(one: Container, other: Container, free: bool) -> None:
    message = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod"
    expected = None if free else Rejection("NodePorts", f"{message} ports")
    assert check(a_pod(one), a_pod(other)) == expected


TAINTED = NodeFacts("node", taints=(Taint("a", "", "NoSchedule"), Taint("b", "1", "NoExecute")))


def test_only_no_execute_taints_refuse_and_never_static_pods() -> None:
    rejection = check(a_pod(), node=TAINTED)
    assert rejection == Rejection(
        "TaintToleration",
        "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
    )
    assert check(a_pod(), node=TAINTED, static=True) is None


@pytest.mark.parametrize(
    ("toleration", "covers"),
    [
        (Toleration("b", "Equal", "1", "NoExecute"), True),
        (Toleration("b", "", "1"), True),
        (Toleration("b", "Equal", "2"), False),
        (Toleration("b", "Exists"), True),
        (Toleration("c", "Exists"), False),
        (Toleration("", "Exists"), True),
        (Toleration("", "Exists", effect="NoSchedule"), False),
        (Toleration("", "Equal", "1"), False),
    ],
)
def test_tolerations(toleration: Toleration, covers: bool) -> None:
    taint = Taint("b", "1", "NoExecute")
    assert untolerated([taint], [toleration], ("NoExecute",)) == (None if covers else taint)


def test_the_first_of_several_failures_counts() -> None:  # L-71
    wrong: dict[str, Any] = {"node_selector": {"disk": "hdd"}, "node_name": "other"}
    node = NodeFacts("node", {}, NODE.allocatable, (Taint("b", "1", "NoExecute"),))
    taken = a_pod(with_port(80))
    reasons = []
    for pod in (
        a_pod(asking(cpu="9"), **wrong),
        a_pod(with_port(80), **wrong),
        a_pod(with_port(80), node_name="other"),
        a_pod(with_port(80)),
        a_pod(),
    ):
        rejection = check(pod, taken, node=node)
        reasons.append(rejection and rejection.reason)
    assert reasons == ["OutOfcpu", "NodeAffinity", "NodeName", "NodePorts", "TaintToleration"]
