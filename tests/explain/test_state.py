"""Why a pod is not Ready, Pending, Failed, going or gone."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.explain.chain import probe_links
from minikubelet.explain.explanation import explain
from minikubelet.explain.history import ProbeRow
from minikubelet.explain.state import Surroundings
from minikubelet.journal import (
    ContainerCreated,
    ContainerExited,
    ContainerStarted,
    ContainerStartFailed,
    PhaseChanged,
    VolumeFailed,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.json_tree import Json
from minikubelet.node.agent import NodeAgent
from minikubelet.node.stop_request import StopRequest
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.simulate.app import App
from tests.cli.records import ID, WEB, a_probe, a_start, at, of_app
from tests.explain.course import Act, a_document, play

HTTP: Json = {"httpGet": {"path": "/readyz", "port": 8080}}
INIT: Json = {"initContainers": [{"name": "prepare", "image": "x", "command": ["p"]}]}
SIDE: Json = {
    "initContainers": [{"name": "side", "image": "x", "command": ["s"], "restartPolicy": "Always"}]
}
DONE: Json = {
    "containers": [
        {"name": "app", "image": "x", "command": ["a"]},
        {"name": "done", "image": "x", "command": ["d"]},
    ]
}
REFUSED = 'Get "http://127.0.0.1:8080/readyz": dial tcp 127.0.0.1:8080: connect: connection refused'
FOR_EVER = "exits at 1000h"


def ready(**fields: Any) -> Json:
    return {"readinessProbe": {**HTTP, "periodSeconds": 2, **fields}}


def starting(**fields: Any) -> Json:
    return {"startupProbe": {**HTTP, "periodSeconds": 2, **fields}}


def delete(agent: NodeAgent) -> None:
    agent.stop_all(StopRequest(KillCause.DELETED))


@pytest.mark.parametrize(
    ("document", "apps", "seconds", "acts", "text"),
    [
        pytest.param(
            a_document(),
            {"app": FOR_EVER},
            5,
            {},
            "The pod is Running and Ready.",
            id="all is well",
        ),
        pytest.param(
            a_document(ready()),
            {"app": "listens after 1h"},
            5,
            {},
            "The pod is Running and not Ready: container app runs, but its readiness probe (http "
            "GET :8080/readyz) failed 3 times in a row (failureThreshold 3), the last time with: "
            f"{REFUSED}.",
            id="the readiness probe fails",
        ),
        pytest.param(
            a_document(ready(initialDelaySeconds=20)),
            {"app": FOR_EVER},
            5,
            {},
            "The pod is Running and not Ready: container app runs, but its readiness probe has not "
            "run yet.",
            id="the readiness probe waits",
        ),
        pytest.param(
            a_document(ready(successThreshold=5)),
            {"app": FOR_EVER},
            5,
            {},
            "The pod is Running and not Ready: container app runs, but its readiness probe has not "
            "succeeded often enough yet.",
            id="not enough successes",
        ),
        pytest.param(
            a_document(starting(failureThreshold=30)),
            {"app": "listens after 1h"},
            3,
            {},
            "The pod is Running and not Ready: container app runs, but its startup probe (http GET "
            ":8080/readyz) failed 2 times in a row (failureThreshold 30), the last time with: "
            f"{REFUSED}.",
            id="it has not started up",
        ),
        pytest.param(
            a_document(readinessGates=[{"conditionType": "shop/warm"}]),
            {"app": FOR_EVER},
            3,
            {},
            "The pod is Running and not Ready: its readiness gate shop/warm is not True.",
            id="a readiness gate",
        ),
        pytest.param(
            a_document(),
            {"app": "exits at 3s with 1"},
            10,
            {},
            "The pod is Running and not Ready: container app waits in back-off until "
            "2026-01-01T00:00:16Z: it ended by itself after 3s with exit code 1. Restarts: "
            "container app once.",
            id="back-off",
        ),
        pytest.param(
            a_document(**INIT),
            {"prepare": "exits at 1h"},
            5,
            {},
            "The pod is Pending: init container prepare still runs.",
            id="an init container runs",
        ),
        pytest.param(
            a_document(**INIT),
            {"prepare": "exits at 1s with 3"},
            8,
            {},
            "The pod is Pending: init container prepare waits in back-off until "
            "2026-01-01T00:00:12Z: it ended by itself after 1s with exit code 3. Restarts: "
            "init container prepare once.",
            id="an init container fails",
        ),
        pytest.param(
            a_document(schedulingGates=[{"name": "later"}, {"name": "shop/paid"}]),
            {},
            5,
            {},
            "The pod is Pending: it waits until its scheduling gates are removed: later, "
            "shop/paid.",
            id="scheduling gates",
        ),
        pytest.param(
            a_document(restartPolicy="Never"),
            {"app": "exits at 3s with 1"},
            10,
            {},
            "The pod failed: container app ended by itself after 3s with exit code 1 "
            "(restartPolicy Never).",
            id="a container failed",
        ),
        pytest.param(
            a_document(activeDeadlineSeconds=5),
            {"app": FOR_EVER},
            10,
            {},
            "The pod failed: DeadlineExceeded: Pod was active on the node longer than the "
            "specified deadline.",
            id="activeDeadlineSeconds",
        ),
        pytest.param(
            a_document(restartPolicy="Never"),
            {"app": "exits at 3s"},
            10,
            {},
            "The pod succeeded: every container ended with exit code 0.",
            id="it succeeded",
        ),
        pytest.param(
            a_document(terminationGracePeriodSeconds=9),
            {"app": "ignores TERM"},
            5,
            {3: delete},
            "The pod is being deleted: container app was sent SIGTERM and has until "
            "2026-01-01T00:00:12Z to end.",
            id="it is being stopped",
        ),
        pytest.param(
            a_document(
                {"lifecycle": {"preStop": {"sleep": {"seconds": 8}}}},
                terminationGracePeriodSeconds=9,
            ),
            {"app": FOR_EVER},
            5,
            {3: delete},
            "The pod is being deleted: container app runs its preStop hook or waits for its turn, "
            "until 2026-01-01T00:00:12Z at most.",
            id="its preStop hook runs",
        ),
        pytest.param(
            a_document(restartPolicy="OnFailure", **DONE),
            {"app": FOR_EVER, "done": "exits at 3s"},
            10,
            {},
            "The pod is Running and not Ready: container done ended by itself after 3s with exit "
            "code 0 and is not started again (restartPolicy OnFailure).",
            id="a container is done",
        ),
        pytest.param(
            a_document({"lifecycle": {"postStart": {"sleep": {"seconds": 100}}}}),
            {"app": FOR_EVER},
            5,
            {},
            "The pod is Pending: container app runs its postStart hook.",
            id="its postStart hook runs",
        ),
        pytest.param(
            a_document(),
            {"app": App(start_error=ContainerStartError("RunContainerError", "no such file"))},
            15,
            {},
            "The pod is Running and not Ready: container app waits in back-off until "
            "2026-01-01T00:00:30Z: it cannot start: RunContainerError: no such file. Restarts: "
            "container app twice.",
            id="it cannot be executed, again and again",
        ),
        pytest.param(
            a_document(ready(), **SIDE),
            {"app": "listens after 1h", "side": FOR_EVER},
            1,
            {},
            "The pod is Running and not Ready: container app runs, but its readiness probe (http "
            f"GET :8080/readyz) failed once (failureThreshold 3), with: {REFUSED}.",
            id="a sidecar is no reason",
        ),
    ],
)
def test_why_a_pod_is_as_it_is(
    document: Json, apps: dict[str, Any], seconds: float, acts: dict[float, Act], text: str
) -> None:
    course = play(document, apps, seconds, acts, deleting=bool(acts))
    assert course.explain().text == text


def test_the_evidence_of_a_container_that_is_not_ready() -> None:
    course = play(a_document(ready()), {"app": "fails at 3s"}, 9)
    (container,) = course.explain().containers
    assert [link.text.partition(" after ")[0] for link in container.chain] == [
        "Readiness probe succeeded for the last time,",
        "Readiness probe failed (1 of 3)",
        "Readiness probe failed (2 of 3)",
        "Readiness probe failed (3 of 3)",
        "threshold reached: 3 failures in a row (failureThreshold 3)",
    ]


def test_of_a_long_row_of_failures_the_ends_and_the_decisive_one_are_told() -> None:
    course = play(a_document(ready(failureThreshold=5)), {"app": "fails at 3s"}, 25)
    (container,) = course.explain().containers
    assert [link.text.partition(" after ")[0] for link in container.chain] == [
        "Readiness probe succeeded for the last time,",
        "Readiness probe failed (1 of 5)",
        "Readiness probe failed (2 of 5)",
        "(2 more failures)",
        "Readiness probe failed (5 of 5)",
        "threshold reached: 5 failures in a row (failureThreshold 5)",
        "(4 more failures)",
        "Readiness probe failed (10 in a row)",
        "Readiness probe failed (11 in a row)",
    ]


@pytest.mark.parametrize(
    ("status", "metadata", "spec", "text"),
    [
        pytest.param(
            {
                "phase": "Pending",
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/1 nodes are available: 1 node(s) were unschedulable.",
                    }
                ],
            },
            {},
            {},
            "The pod is Pending: it is not started: Unschedulable: 0/1 nodes are available: "
            "1 node(s) were unschedulable.",
            id="a cordoned node",
        ),
        pytest.param(
            {"phase": "Pending"},
            {},
            {"nodeName": "other"},
            'The pod is Pending: it names the node "other", and this one is "here".',
            id="another node",
        ),
        pytest.param(
            {
                "phase": "Failed",
                "reason": "NodePorts",
                "message": "Pod was rejected: no free ports",
            },
            {},
            {"nodeName": "here"},
            "The pod failed: it was refused (NodePorts): no free ports (host port 80: pod a/b).",
            id="a host port that another pod has",
        ),
        pytest.param(
            {"phase": "Running"},
            {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["shop/books"]},
            {"nodeName": "here"},
            "The pod is being deleted: nothing of it runs any more, and it waits for its "
            "finalizers: shop/books.",
            id="a finalizer",
        ),
    ],
)
def test_what_the_journal_does_not_tell(
    status: Json, metadata: Json, spec: Json, text: str
) -> None:
    document = {"status": status, "metadata": metadata, "spec": spec}
    around = Surroundings("here", ("80: pod a/b",))
    assert explain(WEB, [], document=document, around=around).text == text


def test_an_ephemeral_container_is_no_reason() -> None:
    of_shell = of_app(2, container="shell") | {"field_path": "spec.ephemeralContainers{shell}"}
    records = [
        a_creation(0),
        a_start(0),
        ContainerStarted(**of_shell, container_id="process://e", restart_count=0, pid=9),
    ]
    told = explain(WEB, records, document={"status": {"phase": "Running"}, "spec": {}})
    assert [(c.kind, c.name) for c in told.containers] == [
        ("container", "app"),
        ("ephemeral container", "shell"),
    ]
    records.append(
        ContainerExited(
            **{**of_shell, "at": at(5)},
            container_id="process://e",
            restart_count=0,
            exit_code=1,
            signal=None,
            reason="Error",
            message="",
            ran_seconds=3,
            cause=None,
        )
    )
    document = a_document(ephemeralContainers=[{"name": "shell", "image": "x"}])
    gates = {"readinessGates": [{"conditionType": "shop/warm"}]}
    told = explain(
        WEB,
        records,
        pod=decode_pod(document),
        document={"status": {"phase": "Running"}, "spec": gates},
    )
    assert told.text == (
        "The pod is Running and not Ready: its readiness gate shop/warm is not True."
    )
    assert told.containers[1].ends[0].text.endswith("An ephemeral container is started only once.")


def test_a_container_that_runs_says_since_when() -> None:
    (container,) = (
        play(a_document(), {"app": "exits at 3s then exits at 1h"}, 20).explain().containers
    )
    assert container.text == "runs since 2026-01-01T00:00:03Z"


def test_a_pod_that_is_gone() -> None:
    course = play(a_document(), {"app": FOR_EVER}, 9, {3: delete})
    assert course.explain(gone=True).text == (
        "The pod is gone: it was deleted at 2026-01-01T00:00:03Z with a grace period of 30s. Its "
        "last phase was Failed."
    )


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "going"])
def test_what_waited_in_back_off_waits_no_longer(gone: bool) -> None:
    course = play(a_document(), {"app": "exits at 3s with 1"}, 10, deleting=True)
    (container,) = course.explain(gone=gone).containers
    assert container.text == "ended by itself after 3s with exit code 1"


def test_a_pod_that_nothing_is_known_of() -> None:
    told = explain(WEB, [], document={"status": {"phase": "Pending"}, "spec": {}})
    assert (told.text, told.containers, told.since) == (
        "The pod is Pending: no node has taken it yet.",
        (),
        None,
    )


PENDING: Json = {"status": {"phase": "Pending"}, "spec": {"nodeName": "host-a"}}


def a_creation(seconds: float) -> ContainerCreated:
    return ContainerCreated(
        **of_app(seconds),
        container_id=ID,
        restart_count=0,
        argv=("run",),
        command_source="manifest",
    )


def test_a_volume_that_cannot_be_had() -> None:
    failure = VolumeFailed(at=at(0), pod=WEB, volume="conf", message='configmap "c" not found')
    assert explain(WEB, [failure], document=PENDING).text == (
        'The pod is Pending: volume conf is not there: configmap "c" not found.'
    )
    mended = explain(WEB, [failure, a_creation(1), a_start(1)], document=PENDING)
    assert "volume" not in mended.text


def test_a_start_that_fails() -> None:
    failure = ContainerStartFailed(
        **of_app(0), reason="ErrImagePull", message='no local command for image "shop"'
    )
    assert explain(WEB, [failure], document=PENDING).text == (
        "The pod is Pending: container app cannot start: ErrImagePull: no local command for image "
        '"shop".'
    )


def test_a_refused_pod() -> None:  # L-69
    refused = PhaseChanged(
        at=at(0),
        pod=WEB,
        old="",
        new="Failed",
        reason="NodePorts",
        message="Pod was rejected: Predicate NodePorts failed",
    )
    assert explain(WEB, [refused], document={"spec": {}}).text == (
        "The pod failed: it was refused (NodePorts): Predicate NodePorts failed."
    )


# --- what is chosen, and how much


def test_one_restart_of_one_container() -> None:
    course = play(a_document(), {"app": "exits at 1s with 1"}, 400)
    (container,) = course.explain(container="app", restart=2).containers
    assert [end.restart for end in container.ends] == [2]
    assert course.explain(container="nobody").containers == ()


def test_the_newest_ends_are_told_and_the_others_counted() -> None:
    course = play(a_document(), {"app": "exits at 1s with 1"}, 3600)
    (container,) = course.explain().containers
    assert container.ends_known == container.restarts + 1
    last = container.restarts
    assert [end.restart for end in container.ends][:3] == [None, last, last - 1]
    assert len(container.ends) == 10


def test_back_off_is_told_with_its_end() -> None:
    end = play(a_document(), {"app": "exits at 3s with 1"}, 10).newest_end()
    assert end.back_off_seconds == 10
    assert f"{end.back_off_until:%H:%M:%S}" == "00:00:16"


def test_the_last_log_lines_are_those_of_the_instance() -> None:
    logs = {("app", 0): ("first",), ("app", 1): ("second",)}
    course = play(a_document(), {"app": "exits at 3s with 1 then exits at 1h"}, 20)
    (container,) = course.explain(logs=logs).containers
    assert container.log == ("second",)
    assert container.ends[0].log == ("first",)


def test_a_row_that_a_new_daemon_began_anew_hides_no_negative_number() -> None:
    row = ProbeRow()
    for seconds, run in enumerate([*range(1, 9), *range(1, 7)]):
        row.add(a_probe("failure", run=run, seconds=seconds, verdict="failure"))
    assert [link.text.partition(" after ")[0] for link in probe_links(row)] == [
        "Liveness probe failed (1 of 3)",
        "Liveness probe failed (2 of 3)",
        "Liveness probe failed (3 of 3)",
        "threshold reached: 3 failures in a row (failureThreshold 3)",
        "(7 more failures)",
        "Liveness probe failed (3 of 3)",
        "threshold reached: 3 failures in a row (failureThreshold 3)",
        "(1 more failure)",
        "Liveness probe failed (5 in a row)",
        "Liveness probe failed (6 in a row)",
    ]
