"""The files of an instance before its start."""

from __future__ import annotations

import dataclasses
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
from minikubelet.runtime.instance_files import is_soon_made, make_work_dir
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
