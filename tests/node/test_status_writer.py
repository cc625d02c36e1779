"""What is written into the status of stored pods, and what is left alone."""

from __future__ import annotations

from minikubelet.manifest.json_tree import Json
from minikubelet.node.status_writer import StatusWriter, merged_status, pod_key
from minikubelet.pod.pod_status import PodPhase, PodStatus
from minikubelet.store.store import memory_store
from tests.fakes.daemon import a_document
from tests.pod.builders import a_pod

READY = {"type": "Ready", "status": "True"}
STALE = {"type": "Ready", "status": "False"}
FOREIGN = {"type": "example.com/gate", "status": "True", "message": "as they wrote it"}


def disruption(reason: str) -> Json:
    return {"type": "DisruptionTarget", "status": "True", "reason": reason}


def test_conditions_of_others_stay_as_they_are_now() -> None:  # L-234
    encoded = {"phase": "Running", "conditions": [{**FOREIGN, "status": "False"}, READY]}
    assert merged_status(encoded, {"conditions": [STALE, FOREIGN]}) == {
        "phase": "Running",
        "conditions": [FOREIGN, READY],
    }
    assert merged_status(encoded, {"conditions": [STALE]})["conditions"] == [READY]


def test_the_reason_of_a_disruption_is_the_nodes_once_it_gives_one() -> None:  # L-237
    theirs, ours = disruption("EvictionByEvictionAPI"), disruption("TerminationByKubelet")
    assert merged_status({}, {"conditions": [theirs]}) == {"conditions": [theirs]}
    assert merged_status({"conditions": [ours]}, {"conditions": [theirs]}) == {"conditions": [ours]}


def test_members_that_others_write_stay_and_our_own_old_ones_go() -> None:
    stored = {"phase": "Pending", "reason": "Old", "nominatedNodeName": "n"}
    assert merged_status({"phase": "Running"}, stored) == {
        "phase": "Running",
        "nominatedNodeName": "n",
    }


def test_equal_statuses_and_strangers_are_not_written() -> None:
    store = memory_store()
    writer = StatusWriter(store)
    document = a_document()
    key = pod_key("default", "web")
    store.create(key, document)
    pod = a_pod(metadata={"uid": document["metadata"]["uid"]})
    status = PodStatus(phase=PodPhase.RUNNING)
    writer.on_status(pod, status)
    version = store.resource_version
    writer.on_status(pod, status)
    writer.on_status(a_pod(metadata={"uid": "another"}), PodStatus())
    writer.on_status(a_pod(metadata={"name": "gone"}), PodStatus())
    assert store.resource_version == version
    stored = store.get(key)
    assert stored is not None
    assert stored.document["status"] == {"phase": "Running"}


def test_the_writes_of_the_writer_can_be_told_from_others() -> None:
    store = memory_store()
    writer = StatusWriter(store)
    own: list[bool] = []
    store.subscribe(lambda change: own.append(writer.writing))
    document = a_document()
    stored = store.create(pod_key("default", "web"), document)
    writer.write(stored.key, document["metadata"]["uid"], {"phase": "Running"})
    store.replace(stored.key, document)
    assert own == [False, True, False]
