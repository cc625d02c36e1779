"""What is told of a new version of a pod, and of a pod that an earlier daemon ran."""

from __future__ import annotations

import pytest

from minikubelet.journal import ContainerAdopted, PodAdopted, PodRef, PodUpdated
from minikubelet.manifest.pod import Pod
from minikubelet.node.change_records import update_records
from tests.node.test_daemon_death import LIVES, live
from tests.pod.builders import START, a_container, a_pod

REF = PodRef("default", "web", "uid-1")


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        pytest.param(
            a_pod(a_container(image="shop:1"), a_container("b")),
            a_pod(a_container(image="shop:2"), a_container("b")),
            ("image of app: shop:1 → shop:2",),
            id="an image",
        ),
        pytest.param(
            a_pod(active_deadline_seconds=9),
            a_pod(active_deadline_seconds=5),
            ("activeDeadlineSeconds: 9s → 5s",),
            id="a deadline",
        ),
        pytest.param(
            a_pod(),
            a_pod(active_deadline_seconds=5),
            ("activeDeadlineSeconds: unset → 5s",),
            id="a first deadline",
        ),
        pytest.param(
            a_pod(scheduling_gates=("a", "b")),
            a_pod(scheduling_gates=("b",)),
            ("scheduling gate a lifted",),
            id="a gate",
        ),
        pytest.param(
            a_pod(), a_pod(metadata={"labels": {"a": "b"}}), (), id="labels are nothing to tell"
        ),
    ],
)
def test_changes(old: Pod, new: Pod, changes: tuple[str, ...]) -> None:
    expected = [PodUpdated(at=START, pod=REF, changes=changes)] if changes else []
    assert list(update_records(old, new, REF, START)) == expected


async def test_a_daemon_that_takes_over_says_what_runs() -> None:
    life = LIVES["init, hook and readiness"]
    deeds = (await live(life, life.world(), [])).deeds
    world = life.world()
    await live(life, world, [len(deeds) - 2])
    (adopted,) = world.records(PodAdopted)
    assert adopted.same_boot
    told = world.records(ContainerAdopted)
    assert {(record.container, record.field_path) for record in told} == {
        ("app", "spec.containers{app}"),
        ("side", "spec.initContainers{side}"),
    }
    assert all(world.starts[record.container_id].pid == record.pid for record in told)
