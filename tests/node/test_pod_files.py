"""What a disk that refuses does to a pod: it waits with a reason, its worker goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from minikubelet.manifest.pod import Container, EmptyDirVolume, HostPathVolume, Volume, VolumeMount
from minikubelet.node.pod_files import LocalPodFiles
from minikubelet.pod.node_info import NodeInfo
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.image_catalog import BUILTIN
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.volumes import VolumeError
from tests.fakes.object_lookup import FakeObjectLookup
from tests.pod.builders import a_container, a_pod

ID = "process://" + "0123456789abcdef" * 4
TOO_LONG = "/" + "a" * 300 + "/x"
APP = dataclasses.replace(a_container(), command=("sleep", "1"))


@pytest.fixture
def files(tmp_path: Path) -> LocalPodFiles:
    layout = Layout(tmp_path / "state", tmp_path / "log", tmp_path / "run")
    layout.prepare()
    catalog = ImageCatalog([], BUILTIN)
    return LocalPodFiles(layout, NodeInfo("here"), FakeObjectLookup(), catalog, {}, False)


@pytest.mark.parametrize(
    ("container", "what"),
    [
        pytest.param(
            dataclasses.replace(APP, termination_message_path=TOO_LONG),
            "file name too long",
            id="a terminationMessagePath that no system has",
        ),
        pytest.param(
            dataclasses.replace(APP, volume_mounts=(VolumeMount("far", "/mnt"),)),
            "file name too long",
            id="a hostPath that no system has",
        ),
        pytest.param(APP, "file exists", id="no room for the instance's directory"),
    ],
)
async def test_a_start_that_the_disk_refuses_has_a_reason(
    files: LocalPodFiles, container: Container, what: str
) -> None:
    pod = a_pod(container, volumes=(Volume("far", host_path=HostPathVolume(TOO_LONG)),))
    if what == "file exists":
        files.layout.pod_dir(pod.metadata.uid).touch()
    with pytest.raises(ContainerStartError) as caught:
        await files.build_launch(pod, container, ID, 0)
    assert caught.value.reason == "CreateContainerError"
    assert caught.value.message.startswith("cannot make what the container needs: /")
    assert caught.value.message.endswith(f": {what}")


async def test_a_volume_that_has_no_place_is_told_by_its_name(files: LocalPodFiles) -> None:
    pod = a_pod(APP, volumes=(Volume("scratch", empty_dir=EmptyDirVolume()),))
    files.layout.pod_dir(pod.metadata.uid).touch()
    with pytest.raises(VolumeError, match=r": not a directory$") as caught:
        await files.prepare_volumes(pod)
    assert caught.value.volume == "scratch"


async def test_a_log_that_cannot_be_removed_stays(files: LocalPodFiles) -> None:
    pod = a_pod(APP)
    meta = pod.metadata
    logs = files.layout.pod_log_dir(meta.namespace, meta.name, meta.uid) / APP.name
    (logs / "0.log.kept").mkdir(parents=True)
    (logs / "0.log").touch()
    await files.drop_instance(pod, APP.name, ID, 0)
    assert [path.name for path in logs.iterdir()] == ["0.log.kept"]
