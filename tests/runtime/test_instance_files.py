"""The files of an instance before its start."""

from __future__ import annotations

import dataclasses
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from minikubelet.manifest.pod import (
    Container,
    EmptyDirVolume,
    PodSecurityContext,
    SecurityContext,
    Volume,
)
from minikubelet.runtime.instance_files import env_file_reader, is_soon_made, make_work_dir
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.users import ProcessUser
from tests.pod.builders import a_container, a_pod

APP = a_container()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "state", tmp_path / "log", tmp_path / "run")
    layout.prepare()
    return layout


@pytest.mark.parametrize(
    ("container", "spec", "soon"),
    [
        pytest.param(APP, {}, True, id="a plain container"),
        pytest.param(
            APP, {"security_context": PodSecurityContext()}, True, id="defaults change nothing"
        ),
        pytest.param(
            APP,
            {"security_context": PodSecurityContext(run_as_user=7)},
            False,
            id="a user is looked up, perhaps over a network",
        ),
        pytest.param(
            dataclasses.replace(APP, security_context=SecurityContext(run_as_user=7)),
            {},
            False,
            id="so is the container's own",
        ),
        pytest.param(
            APP,
            {"volumes": (Volume("v", empty_dir=EmptyDirVolume()),)},
            False,
            id="a volume may be on a file system that does not answer",
        ),
        pytest.param(
            dataclasses.replace(APP, termination_message_path="/mnt/nfs/message"),
            {},
            False,
            id="and so may the place of the termination message",
        ),
    ],
)
def test_what_is_soon_made(
    container: Container, spec: dict[str, Any], soon: bool, layout: Layout
) -> None:
    pod = a_pod(container, **spec)
    assert is_soon_made(pod, container, layout) is soon


def test_leftovers_take_time_to_remove(layout: Layout) -> None:
    pod = a_pod(APP)
    work = layout.container_dir(pod.metadata.uid, APP.name) / "work"
    work.mkdir(parents=True)
    assert is_soon_made(pod, APP, layout)
    (work / "file").touch()
    assert not is_soon_made(pod, APP, layout)


def test_a_restart_finds_a_new_directory(layout: Layout) -> None:
    pod = a_pod(APP)
    (layout.container_dir(pod.metadata.uid, APP.name)).mkdir(parents=True)
    work = make_work_dir(pod, APP, layout, ProcessUser())
    (work / "file").touch()
    assert os.listdir(make_work_dir(pod, APP, layout, ProcessUser())) == []
    work.chmod(0o777)
    make_work_dir(pod, APP, layout, ProcessUser())
    assert work.stat().st_mode & 0o777 == 0o700


def test_env_files_are_read_wherever_they_lie_in_the_volume(layout: Layout) -> None:
    volume = layout.volumes_dir("uid-1") / "data"
    (volume / "a" / "b").mkdir(parents=True)
    (volume / "a" / "b" / "app.env").write_text("A='1'\n")
    (volume / "link").symlink_to("a/b")
    read = env_file_reader(a_pod(), layout)
    assert [read("data", path) for path in ("a/b/app.env", "link/app.env")] == ["A='1'\n"] * 2


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("a pipe", errno.EINVAL),
        ("a large file", errno.EFBIG),
        ("a directory", errno.EINVAL),
        ("the volume", errno.EINVAL),
        ("nothing", errno.ENOENT),
    ],
)
def test_env_files_hold_nobody_up(what: str, number: int, layout: Layout) -> None:
    """Whoever writes into the volume may make anything of the file."""
    file = layout.volumes_dir("uid-1") / "data" / "app.env"
    file.parent.mkdir(parents=True)
    match what:
        case "a pipe":
            os.mkfifo(file)
        case "a large file":
            with file.open("wb") as stream:
                stream.truncate(1 << 40)
        case "a directory":
            file.mkdir()
    with pytest.raises(OSError, match=rf"^\[Errno {number}\]"):
        env_file_reader(a_pod(), layout)("data", "." if what == "the volume" else file.name)
