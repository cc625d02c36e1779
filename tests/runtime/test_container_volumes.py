"""Containers with volumes and limits, from the pod to the exit record."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.pod import (
    ConfigMapVolume,
    Container,
    EmptyDirVolume,
    Pod,
    PodSpec,
    Volume,
    VolumeMount,
)
from minikubelet.pod.node_info import NodeInfo
from minikubelet.runtime.launch import Mount
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.volumes import mounts_of, prepare_volumes, remove_volumes, update_volumes
from tests.fakes.object_lookup import FakeObjectLookup
from tests.runtime.harness import Harness, a_harness, log_of
from tests.runtime.namespaces import look_inside, needs_root

NODE = NodeInfo("here")
MIB = 2**20
HOG = "head -c 300000000 /dev/zero | tail -n 1 > /dev/null && echo survived"
"""One line without an end: `tail` holds all of it."""


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with a_harness(tmp_path) as harness:
        yield harness


@pytest.fixture
def lookup() -> FakeObjectLookup:
    lookup = FakeObjectLookup()
    lookup.put_config_map("settings", {"color": "blue"})
    return lookup


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "state", tmp_path / "log", tmp_path / "run")
    layout.prepare()
    return layout


@pytest.fixture
def pod(layout: Layout, lookup: FakeObjectLookup) -> Iterator[Pod]:
    look_inside([], lambda: None)
    writer = Container(name="writer", volume_mounts=(VolumeMount("scratch", "/mk-out"),))
    reader = Container(
        name="reader",
        volume_mounts=(
            VolumeMount("scratch", "/usr/share/mk-in", read_only=True),
            VolumeMount("scratch", "/mk-part", sub_path="part"),
            VolumeMount("config", "/etc/mk-config"),
            VolumeMount("fast", "/mk-fast"),
        ),
    )
    volumes = (
        Volume("scratch", empty_dir=EmptyDirVolume()),
        Volume("fast", empty_dir=EmptyDirVolume("Memory")),
        Volume("config", config_map=ConfigMapVolume("settings")),
    )
    pod = Pod(
        ObjectMeta(name="web", uid="u-1"),
        PodSpec(containers=(writer, reader), volumes=volumes),
    )
    prepare_volumes(pod, layout, NODE, lookup)
    yield pod
    remove_volumes(pod, layout)


def mounts(pod: Pod, layout: Layout, container: str) -> tuple[Mount, ...]:
    return mounts_of(pod, pod.container(container), layout, {})


async def test_containers_share_volumes(harness: Harness, pod: Pod, layout: Layout) -> None:
    writing = "mkdir /mk-out/part; echo hello > /mk-out/part/greeting; ls /mk-out"
    writer = await harness.start(["sh", "-c", writing], mounts=mounts(pod, layout, "writer"))
    assert (await harness.exit_of(writer)).exit_code == 0
    reading = """
        cat /usr/share/mk-in/part/greeting /mk-part/greeting /etc/mk-config/color
        touch /mk-fast/x /mk-part/x
        touch /usr/share/mk-in/x 2>/dev/null || touch /etc/mk-config/x 2>/dev/null || echo refused
        test ! -e /mk-out
    """
    reader = await harness.start(["sh", "-c", reading], mounts=mounts(pod, layout, "reader"))
    assert (await harness.exit_of(reader)).exit_code == 0
    assert log_of(reader).split() == ["hello", "hello", "bluerefused"]
    scratch = layout.volumes_dir("u-1") / "scratch"
    assert sorted(os.listdir(scratch / "part")) == ["greeting", "x"]


async def test_update_reaches_a_running_container(
    harness: Harness, pod: Pod, layout: Layout, lookup: FakeObjectLookup
) -> None:
    waiting = "until grep -q red /etc/mk-config/color; do sleep 0.02; done; echo seen"
    reader = await harness.start(["sh", "-c", waiting], mounts=mounts(pod, layout, "reader"))
    lookup.put_config_map("settings", {"color": "red"})
    update_volumes(pod, layout, NODE, lookup)
    await harness.logged(reader, "seen")


async def test_command_in_a_container_sees_its_volumes(
    harness: Harness, pod: Pod, layout: Layout
) -> None:
    reader = await harness.start(["sleep", "1000"], mounts=mounts(pod, layout, "reader"))
    result = await harness.runtime.exec(
        reader.container_id, ["cat", "/etc/mk-config/color"], timeout=20
    )
    assert (result.exit_code, result.stdout) == (0, b"blue")


async def test_termination_log_at_its_usual_path(harness: Harness) -> None:
    look_inside([], lambda: None)
    message = harness.directory / "message"
    message.touch()
    spec = await harness.start(
        ["sh", "-c", "printf why > /dev/termination-log"],
        mounts=(Mount(str(message), "/dev/termination-log"),),
        termination_log=str(message),
    )
    assert (await harness.exit_of(spec)).message == "why"


# L-120
@pytest.mark.parametrize(
    "user",
    [
        pytest.param(None, id="as we are"),
        pytest.param(1234, id="as another user", marks=[pytest.mark.root, needs_root]),
    ],
)
async def test_memory_limit(harness: Harness, user: int | None) -> None:
    spec = await harness.start(["sh", "-c", HOG], memory_limit_bytes=100 * MIB, user=user, cwd="/")
    record = await harness.exit_of(spec)
    assert (record.exit_code, record.reason_hint) == (137, "oom")
    assert "survived" not in log_of(spec)
