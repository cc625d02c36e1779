"""Pods that come, change and go at run time: the agent in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.json_tree import Json
from minikubelet.node.pod_record import PodRecord
from minikubelet.node.recovery import RestoredPod
from minikubelet.node.stop_request import StopRequest
from minikubelet.runtime.processes import Adopted
from tests.fakes.daemon import a_daemon, a_document, a_static_pod
from tests.fakes.runtime import App

SLOW = App(term_seconds=5.0)


async def test_a_pod_of_the_api_is_bound_started_and_shown() -> None:  # L-74, section 8
    async with a_daemon() as daemon:
        await daemon.create(a_document())
        pod = daemon.pod()
        assert pod["spec"]["nodeName"] == "node"
        assert daemon.condition("PodScheduled")["status"] == "True"
        status = pod["status"]
        assert (status["phase"], status["qosClass"]) == ("Running", "BestEffort")
        assert status["podIP"] == status["hostIP"] == status["podIPs"][0]["ip"] == "127.0.0.1"
        assert daemon.events("web") == [
            "Normal Scheduled: Successfully assigned default/web to node",
            "Normal Created: Container created",
            "Normal Started: Container started",
        ]


async def test_a_pod_that_an_earlier_daemon_only_bound_is_still_told_as_scheduled() -> None:
    document = a_document(nodeName="node")  # L-74
    document["status"]["conditions"] = [{"type": "PodScheduled", "status": "True"}]
    async with a_daemon(documents=[document]) as daemon:
        assert daemon.events("web")[0].startswith("Normal Scheduled: ")


async def test_a_pod_that_names_its_node_was_not_scheduled_here() -> None:  # L-74
    async with a_daemon() as daemon:
        await daemon.create(a_document(nodeName="node"))
        assert daemon.phase() == "Running"
        assert not [text for text in daemon.events("web") if "Scheduled" in text]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({"nodeSelector": {"disk": "ssd"}}, "NodeAffinity", id="no such label"),
    ],
)
async def test_a_refused_pod_fails_and_never_starts(spec: dict[str, Any], reason: str) -> None:
    async with a_daemon() as daemon:  # L-69
        await daemon.create(a_document(**spec))
        status = daemon.pod()["status"]
        assert (status["phase"], status["reason"]) == ("Failed", reason)
        assert status["message"].startswith(f"Pod was rejected: Predicate {reason} failed: ")
        assert "containerStatuses" not in status
        assert daemon.told() == []
        (event,) = daemon.events("web")
        assert event.startswith(f"Warning {reason}: Predicate {reason} failed: ")
        await daemon.delete()
        assert not daemon.has("web")


async def test_a_pod_of_another_node_is_left_alone() -> None:
    """A kubelet never sees it; here its user is told once why nothing happens."""
    async with a_daemon() as daemon:
        await daemon.create(a_document(nodeName="other"))
        await daemon.change(lambda pod: pod["status"].update(phase="Running", message="theirs"))
        await daemon.change(lambda pod: pod["metadata"].update(labels={"a": "b"}))
        status = daemon.pod()["status"]
        assert (status["phase"], status["message"]) == ("Running", "theirs")
        assert "conditions" not in status
        assert daemon.told() == []
        assert daemon.events("web") == [
            'Warning OtherNode: Nothing runs the Pod: it names the node "other", and this one is '
            '"node"'
        ]
        await daemon.delete()
        assert not daemon.has("web")


async def test_a_pod_that_cannot_be_dealt_with_is_told_once_each_time_it_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_daemon() as daemon:
        await daemon.change_node(lambda node: node["status"]["allocatable"].update(pods="a few"))
        for _ in range(2):
            await daemon.create(a_document(nodeName="node"))
            await daemon.create(a_document("other", schedulingGates=[{"name": "wait"}]))
            await daemon.remove("web")
            await daemon.remove("other")
        assert caplog.text.count("cannot deal with a pod") == 2


async def test_a_pod_runs_though_nobody_can_say_who_has_its_ports() -> None:
    def holders(ports: Sequence[int]) -> dict[int, str]:
        raise OSError("no /proc")

    async with a_daemon(port_holders=holders) as daemon:
        document = a_document()
        document["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "protocol": "TCP"}]
        await daemon.create(document)
        assert daemon.phase() == "Running"


async def test_room_that_a_finished_pod_leaves_is_used_again() -> None:
    async with a_daemon(max_pods=1, apps={"one": [App(exit_after=5)]}) as daemon:
        await daemon.create(a_document("one", "one", restartPolicy="Never"))
        await daemon.create(a_document("two", "two"))
        assert daemon.pod("two")["status"]["reason"] == "OutOfpods"
        await daemon.clock.advance(6)
        await daemon.create(a_document("three", "three"))
        assert daemon.phase("three") == "Running"


async def test_scheduling_gates_hold_a_pod_until_they_are_lifted() -> None:  # L-73
    async with a_daemon() as daemon:
        await daemon.create(a_document(schedulingGates=[{"name": "wait"}]))
        assert "nodeName" not in daemon.pod()["spec"]
        condition = daemon.condition("PodScheduled")
        assert (condition["status"], condition["reason"]) == ("False", "SchedulingGated")
        assert condition["message"] == "Scheduling is blocked due to non-empty scheduling gates"
        await daemon.change(lambda pod: pod["spec"].pop("schedulingGates"))
        assert daemon.phase() == "Running"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param({"unschedulable": True}, "1 node(s) were unschedulable", id="cordon"),
        pytest.param(
            {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]},
            "1 node(s) had untolerated taint {gpu: yes}",
            id="taint",
        ),
    ],
)
async def test_a_closed_node_takes_no_new_pods_until_it_opens(spec: Json, why: str) -> None:
    async with a_daemon() as daemon:
        await daemon.change_node(lambda node: node["spec"].update(spec))
        await daemon.create(a_document())
        condition = daemon.condition("PodScheduled")
        message = (
            f"0/1 nodes are available: {why}. preemption: 0/1 nodes are available: "
            "1 Preemption is not helpful for scheduling."
        )
        assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        assert condition["message"] == message
        assert daemon.events("web") == [f"Warning FailedScheduling: {message}"]
        await daemon.change_node(lambda node: [node["spec"].pop(key) for key in spec])
        assert daemon.phase() == "Running"


async def test_cordon_leaves_running_and_assigned_pods_alone() -> None:  # L-72
    async with a_daemon() as daemon:
        await daemon.create(a_document("one", "one"))
        await daemon.change_node(lambda node: node["spec"].update(unschedulable=True))
        await daemon.create(a_document("two", "two", nodeName="node"))
        assert (daemon.phase("one"), daemon.phase("two")) == ("Running", "Running")


async def test_a_deleted_pod_stops_shows_its_end_and_is_removed() -> None:  # K-43, L-242
    async with a_daemon(apps={"app": [SLOW]}) as daemon:
        await daemon.create(a_document())
        await daemon.delete()
        assert daemon.told("stopped") == ["app is stopped with 30 s"]
        assert daemon.phase() == "Running"
        await daemon.clock.advance(6)
        assert not daemon.has("web")
        assert daemon.parts.agent.pods == ()


async def test_a_finalizer_keeps_the_object_in_its_terminal_phase() -> None:  # L-243
    async with a_daemon(apps={"app": [App(term_code=0)]}) as daemon:
        document = a_document()
        document["metadata"]["finalizers"] = ["example.com/hold"]
        await daemon.create(document)
        await daemon.delete(grace=5)
        await daemon.clock.advance(10)
        assert daemon.phase() == "Succeeded"
        await daemon.change(lambda pod: pod["metadata"].pop("finalizers"))
        assert not daemon.has("web")


async def test_a_second_deletion_shortens_the_grace_period() -> None:  # L-241
    async with a_daemon(apps={"app": [App(term_seconds=None)]}) as daemon:
        await daemon.create(a_document())
        await daemon.delete(grace=60)
        await daemon.clock.advance(1)
        await daemon.delete(grace=3)
        await daemon.clock.advance(4)
        assert not daemon.has("web")


async def test_a_force_deleted_pod_is_stopped_with_its_last_known_grace() -> None:  # L-244
    async with a_daemon(apps={"app": [SLOW]}) as daemon:
        await daemon.create(a_document(terminationGracePeriodSeconds=7))
        await daemon.remove()
        assert daemon.told("stopped") == ["app is stopped with 7 s"]
        await daemon.clock.advance(6)
        assert daemon.parts.agent.pods == ()


async def test_a_new_pod_of_the_same_name_does_not_wait_for_the_old_one() -> None:
    async with a_daemon(apps={"old": [SLOW]}) as daemon:
        await daemon.create(a_document(container="old"))
        await daemon.remove()
        again = a_document(container="new")
        again["metadata"]["uid"] = "uid-2"
        await daemon.create(again)
        assert daemon.told() == ["old starts", "old is stopped with 30 s", "new starts"]
        await daemon.clock.advance(6)
        assert daemon.phase() == "Running"


async def test_a_pod_that_had_ended_before_the_daemon_came_stays_ended() -> None:  # L-84
    done = a_document(nodeName="node")
    done["status"] = {"phase": "Succeeded"}
    going = a_document("going", nodeName="node")
    going["status"] = {"phase": "Failed"}
    going["metadata"] |= {
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 30,
    }
    async with a_daemon(documents=[done, going]) as daemon:
        assert daemon.told() == []
        assert daemon.pod()["status"] == {"phase": "Succeeded"}
        assert not daemon.has("going")


async def test_conditions_of_others_decide_about_readiness() -> None:  # L-234
    gate = "example.com/checked"

    def check(pod: Json) -> None:
        pod["status"]["conditions"].append({"type": gate, "status": "True"})

    async with a_daemon() as daemon:
        await daemon.create(a_document(readinessGates=[{"conditionType": gate}]))
        assert daemon.condition("Ready")["reason"] == "ReadinessGatesNotReady"
        await daemon.change(check)
        assert daemon.condition("Ready")["status"] == "True"
        assert daemon.condition(gate) == {"type": gate, "status": "True"}


async def test_what_others_write_over_our_part_of_a_status_is_put_right() -> None:  # L-22
    async with a_daemon() as daemon:
        await daemon.create(a_document())
        await daemon.change(lambda pod: pod["status"].update(phase="Failed", podIP="1.2.3.4"))
        await daemon.clock.advance(9)
        assert daemon.phase() == "Failed"
        await daemon.clock.advance(2)
        assert (daemon.phase(), daemon.pod()["status"]["podIP"]) == ("Running", "127.0.0.1")
        assert daemon.told() == ["app starts"]


async def test_labels_change_without_a_restart() -> None:
    async with a_daemon() as daemon:
        await daemon.create(a_document())
        await daemon.change(lambda pod: pod["metadata"].update(labels={"a": "b"}))
        (desired,) = daemon.parts.agent.pods
        assert desired.pod.metadata.labels == {"a": "b"}
        assert daemon.told() == ["app starts"]


# --- static pods


async def test_an_edited_static_pod_is_replaced_when_the_old_one_has_ended() -> None:  # L-23, L-24
    async with a_daemon(static=True, apps={"old": [SLOW]}) as daemon:
        await daemon.set_static(a_static_pod(container="old"))
        await daemon.set_static(a_static_pod(container="new"))
        await daemon.clock.advance(4)
        assert daemon.told() == ["old starts", "old is stopped with 30 s"]
        await daemon.clock.advance(2)
        assert daemon.told() == [
            "old starts",
            "old is stopped with 30 s",
            "old exits 143",
            "new starts",
        ]


async def test_an_edit_that_is_edited_again_meanwhile_never_starts() -> None:  # L-24
    async with a_daemon(static=True, apps={"old": [SLOW]}) as daemon:
        for container in ("old", "newer", "newest"):
            await daemon.set_static(a_static_pod(container=container))
        await daemon.clock.advance(6)
        assert daemon.told("starts") == ["old starts", "newest starts"]


async def test_a_static_pod_of_a_fixed_uid_that_comes_back_starts_afresh() -> None:  # L-25
    async with a_daemon(static=True, apps={"app": [SLOW]}) as daemon:
        pod = a_static_pod()
        await daemon.set_static(pod)
        await daemon.set_static()
        await daemon.set_static(pod)
        assert daemon.told("starts") == ["app starts"]
        await daemon.clock.advance(6)
        assert daemon.told("starts") == ["app starts", "app starts"]
        (status,) = daemon.pod("web-node")["status"]["containerStatuses"]
        assert status["restartCount"] == 0


async def test_a_static_pod_that_succeeded_is_not_run_again() -> None:  # L-270
    apps = {"app": [App(exit_after=1)]}
    async with a_daemon(static=True, apps=apps) as daemon:
        pod = a_static_pod(restartPolicy="Never")
        await daemon.set_static(pod)
        await daemon.clock.advance(5)
        await daemon.set_static(pod)
        assert daemon.told("starts") == ["app starts"]
        assert daemon.phase("web-node") == "Succeeded"


async def test_a_static_pod_ignores_taints() -> None:  # L-70
    taint = {"key": "gone", "effect": "NoExecute"}
    async with a_daemon(static=True) as daemon:
        await daemon.change_node(lambda node: node["spec"].update(taints=[taint]))
        await daemon.set_static(a_static_pod())
        assert daemon.told() == ["app starts"]


# --- after a restart


def restored(name: str, **members: Any) -> RestoredPod:
    document = a_document(name, name, nodeName="node")
    uid = document["metadata"]["uid"]
    return RestoredPod(uid, document, "api", PodRecord(uid=uid), **members)


async def test_nobody_is_missing_before_every_source_has_reported() -> None:
    async with a_daemon(static=True, restored=[restored("web")]) as daemon:
        await daemon.clock.advance(4)
        assert daemon.told() == []
        await daemon.set_static()
        assert [desired.uid for desired in daemon.parts.agent.pods] == []


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(None, id="lost"),
        pytest.param({"metadata": {"uid": "uid-of-bad"}, "spec": 7}, id="nonsense"),
    ],
)
async def test_a_damaged_record_harms_nobody_else(document: Json | None) -> None:
    alive = {"process://1": Adopted(None, alive=True)}
    bad = RestoredPod("uid-of-bad", document, "api", PodRecord(uid="uid-of-bad"), alive)
    async with a_daemon(restored=[bad], documents=[a_document(nodeName="node")]) as daemon:
        assert daemon.phase() == "Running"
        assert [desired.uid for desired in daemon.parts.agent.pods] == ["uid-of-web"]


async def test_a_source_that_never_reports_does_not_hold_restored_pods_for_ever() -> None:
    document = a_document(nodeName="node")
    pod = RestoredPod("uid-of-web", document, "api", PodRecord(uid="uid-of-web"))
    async with a_daemon(static=True, restored=[pod], documents=[document]) as daemon:
        await daemon.clock.advance(6)
        assert daemon.phase() == "Running"


async def test_stopping_all_pods_ends_them_as_a_node_that_shuts_down() -> None:  # L-249
    async with a_daemon(apps={"app": [SLOW]}) as daemon:
        await daemon.create(a_document())
        daemon.parts.agent.stop_all(StopRequest(KillCause.SHUTDOWN))
        await daemon.create(a_document("late", "late"))
        await daemon.clock.advance(6)
        await daemon.parts.agent.wait_stopped()
        assert daemon.told() == ["app starts", "app is stopped with 30 s", "app exits 143"]


async def test_a_port_that_somebody_has_is_told_with_its_holder() -> None:
    def holders(ports: Sequence[int]) -> dict[int, str]:
        return {8080: "nginx (pid 7)"}

    ports = [{"containerPort": 8080, "protocol": "TCP"}]
    one, two = a_document("one", "one"), a_document("two", "two")
    for document in (one, two):
        document["spec"]["containers"][0]["ports"] = ports
    async with a_daemon(port_holders=holders) as daemon:
        await daemon.create(one)
        await daemon.create(two)
        (first,) = [text for text in daemon.events("one") if "PortClash" in text]
        assert first == "Warning PortClash: port 8080 is already taken by nginx (pid 7)"
        (second,) = [text for text in daemon.events("two") if "PortClash" in text]
        assert "port 8080 is also declared by container one of pod default/one" in second


# --- a run in the foreground


async def test_a_source_may_change_end_and_add_pods_of_a_run() -> None:
    async with a_daemon(running=False) as daemon:
        given = [a_document(name, name, nodeName="node") for name in ("one", "two")]
        agent, ended = daemon.parts.agent, asyncio.Event()

        async def run() -> None:
            await agent.run_pods([decode_pod(document) for document in given])
            ended.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(run())
            await daemon.clock.settle()
            assert daemon.told() == ["one starts", "two starts"]
            for document in given:
                daemon.store.create(daemon.key(document["metadata"]["name"]), document)
            source = group.create_task(daemon.parts.api_source.run())
            await daemon.clock.advance(1)
            await daemon.create(a_document("three", "more"))
            assert daemon.told() == ["one starts", "two starts", "more starts"]
            await daemon.change(lambda pod: pod["metadata"].update(labels={"a": "b"}), "one")
            await daemon.delete("one")
            await daemon.clock.advance(10)
            assert not daemon.has("one")
            assert not ended.is_set()
            await daemon.remove("two")
            await daemon.clock.advance(10)
            assert daemon.told()[-2:] == ["more is stopped with 30 s", "more exits 143"]
            assert ended.is_set()
            source.cancel()
