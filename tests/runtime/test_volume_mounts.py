"""From volumeMounts to the mounts of a launch."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.pod import (
    ConfigMapVolume,
    Container,
    EmptyDirVolume,
    HostPathVolume,
    Pod,
    PodSpec,
    Volume,
    VolumeMount,
)
from minikubelet.pod.node_info import NodeInfo
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.launch import Mount
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.sub_path import make_sub_path
from minikubelet.runtime.volumes import mounts_of, prepare_volumes, remove_volumes, update_volumes
from tests.fakes.object_lookup import FakeObjectLookup

UID = "u-1"
ENV = {"NAME": "web", "EMPTY": ""}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "state", tmp_path / "log", tmp_path / "run")
    layout.prepare()
    return layout


@pytest.fixture
def lookup() -> FakeObjectLookup:
    lookup = FakeObjectLookup()
    lookup.put_config_map("settings", {"color": "blue"})
    return lookup


@pytest.fixture
def pod(tmp_path: Path, layout: Layout, lookup: FakeObjectLookup) -> Iterator[Pod]:
    (tmp_path / "host").mkdir()
    pod = Pod(
        ObjectMeta(name="web", uid=UID),
        PodSpec(
            volumes=(
                Volume("scratch", empty_dir=EmptyDirVolume()),
                Volume("fast", empty_dir=EmptyDirVolume("Memory")),
                Volume("config", config_map=ConfigMapVolume("settings")),
                Volume("host", host_path=HostPathVolume(str(tmp_path / "host"))),
                Volume("absent", host_path=HostPathVolume(str(tmp_path / "absent" / "dir"))),
            )
        ),
    )
    prepare_volumes(pod, layout, NodeInfo("here"), lookup)
    yield pod
    remove_volumes(pod, layout)


def mount(pod: Pod, layout: Layout, wanted: VolumeMount) -> Mount:
    (found,) = mounts_of(pod, Container(name="app", volume_mounts=(wanted,)), layout, ENV)
    return found


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(
            VolumeMount("scratch", "/data"),
            Mount("{volumes}/scratch", "/data"),
            id="an emptyDir can be written",
        ),
        pytest.param(
            VolumeMount("scratch", "/data", read_only=True),
            Mount("{volumes}/scratch", "/data", read_only=True),
            id="unless the mount is read-only",
        ),
        pytest.param(
            VolumeMount("config", "/etc/app"),
            Mount("{volumes}/config", "/etc/app", read_only=True),
            id="what shows objects is always read-only",
        ),
        pytest.param(
            VolumeMount("host", "/srv/"),
            Mount("{tmp}/host", "/srv"),
            id="a hostPath is its path",
        ),
        pytest.param(
            VolumeMount("scratch", "data"),
            Mount("{volumes}/scratch", "/data"),
            id="a relative mountPath begins at the root",
        ),
        # L-148
        pytest.param(
            VolumeMount("scratch", "/data", sub_path="a/b"),
            Mount("{volumes}/scratch/a/b", "/data", exact_source=True),
            id="a subPath",
        ),
        pytest.param(
            VolumeMount("host", "/data", sub_path="x", read_only=True),
            Mount("{tmp}/host/x", "/data", read_only=True, exact_source=True),
            id="a read-only subPath of a hostPath",
        ),
        # L-132
        pytest.param(
            VolumeMount("scratch", "/data", sub_path_expr="logs/$(NAME)-$$(NAME)"),
            Mount("{volumes}/scratch/logs/web-$(NAME)", "/data", exact_source=True),
            id="a subPathExpr is expanded with the environment",
        ),
    ],
)
def test_mount(
    pod: Pod, layout: Layout, tmp_path: Path, wanted: VolumeMount, expected: Mount
) -> None:
    source = expected.source.format(volumes=layout.volumes_dir(UID), tmp=tmp_path)
    assert mount(pod, layout, wanted) == Mount(
        source, expected.target, expected.read_only, expected.exact_source
    )
    assert os.path.isdir(source)


def test_order_is_the_manifest_s(pod: Pod, layout: Layout) -> None:
    wanted = (VolumeMount("scratch", "/b/c"), VolumeMount("host", "/a"))
    container = Container(name="app", volume_mounts=wanted)
    assert [m.target for m in mounts_of(pod, container, layout, ENV)] == ["/b/c", "/a"]


def test_memory_is_mounted_where_it_is(pod: Pod, layout: Layout) -> None:
    source = Path(mount(pod, layout, VolumeMount("fast", "/fast")).source)
    assert source.is_dir()
    assert not source.is_relative_to(layout.state_dir)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        # L-150
        pytest.param(
            VolumeMount("none", "/x"),
            'cannot find volume "none" to mount into container "app"',
            id="no such volume",
        ),
        # L-132
        pytest.param(
            VolumeMount("scratch", "/x", sub_path_expr="$(Z)/$(EMPTY)/$(NAME)/$(Z)"),
            "missing value for EMPTY, Z",
            id="variables without a value, each once, in order",
        ),
        # L-148
        pytest.param(
            VolumeMount("scratch", "/x", sub_path="/abs"),
            "error SubPath `/abs` must not be an absolute path",
            id="an absolute subPath",
        ),
        pytest.param(
            VolumeMount("scratch", "/x", sub_path="a/../../b"),
            "unable to provision SubPath `a/../../b`: must not contain '..'",
            id="a subPath with a step back",
        ),
        pytest.param(
            VolumeMount("scratch", "/x", sub_path="out/x"),
            'failed to prepare subPath for volumeMount "scratch" of container "app"',
            id="a link out of the volume",
        ),
        pytest.param(
            VolumeMount("scratch", "/x", sub_path="loop"),
            'failed to prepare subPath for volumeMount "scratch" of container "app"',
            id="a link to itself",
        ),
        pytest.param(
            VolumeMount("config", "/x", sub_path="color/below"),
            'failed to create subPath directory for volumeMount "config" of container "app"',
            id="a path below a file",
        ),
    ],
)
def test_refused(
    pod: Pod, layout: Layout, tmp_path: Path, wanted: VolumeMount, message: str
) -> None:
    scratch = layout.volumes_dir(UID) / "scratch"
    (scratch / "out").symlink_to(tmp_path / "host")
    (scratch / "loop").symlink_to("loop")
    with pytest.raises(ContainerStartError) as raised:
        mount(pod, layout, wanted)
    assert (raised.value.reason, raised.value.message) == ("CreateContainerConfigError", message)
    assert os.listdir(tmp_path / "host") == []


def test_sub_path_has_the_mode_of_the_volume(pod: Pod, layout: Layout) -> None:
    made = Path(mount(pod, layout, VolumeMount("scratch", "/x", sub_path="a/b")).source)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (made.parent, made)]
    assert modes == [0o777, 0o777]


def test_sub_path_through_a_link_within_the_volume(pod: Pod, layout: Layout) -> None:
    scratch = layout.volumes_dir(UID) / "scratch"
    (scratch / "real").mkdir()
    (scratch / "link").symlink_to("real")
    found = mount(pod, layout, VolumeMount("scratch", "/x", sub_path="link/new"))
    assert found.source == str(scratch / "real" / "new")


def test_link_that_appears_while_a_sub_path_is_made(tmp_path: Path) -> None:
    volume, outside = tmp_path / "volume", tmp_path / "outside"
    volume.mkdir()
    outside.mkdir()
    (volume / "a").symlink_to(outside)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        make_sub_path(volume, volume / "a" / "b")
    assert os.listdir(outside) == []


# L-147
def test_sub_path_of_a_config_map_is_not_updated(
    pod: Pod, layout: Layout, lookup: FakeObjectLookup
) -> None:
    found = mount(pod, layout, VolumeMount("config", "/etc/color", sub_path="color"))
    assert found.read_only
    held = os.open(found.source, os.O_RDONLY)
    lookup.put_config_map("settings", {"color": "red"})
    update_volumes(pod, layout, NodeInfo("here"), lookup)
    try:
        assert os.read(held, 100) == b"blue"
    finally:
        os.close(held)


def test_host_path_that_is_missing_becomes_a_directory(pod: Pod, layout: Layout) -> None:
    found = Path(mount(pod, layout, VolumeMount("absent", "/x")).source)
    assert found.is_dir()


def test_host_path_that_cannot_be_made(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "dir"
    source = Volume("host", host_path=HostPathVolume(str(path)))
    pod = Pod(ObjectMeta(name="web", uid=UID), PodSpec(volumes=(source,)))
    with pytest.raises(ContainerStartError) as raised:
        mount(pod, layout, VolumeMount("host", "/x"))
    assert (raised.value.reason, raised.value.message) == (
        "CreateContainerError",
        f'failed to mkdir "{path}": {path}: not a directory',
    )
