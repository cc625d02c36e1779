"""Where everything lies, and that no name leads elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from minikubelet.runtime.layout import Layout

LAYOUT = Layout(Path("/srv/state"), Path("/srv/log"), Path("/srv/run"))
ROOTS = ("/srv/state/pods", "/srv/log", "/srv/run")
CID = "process://" + "a" * 64
HOSTILE = (
    "..",
    "../..",
    "../../../etc",
    "a/../../../../etc",
    "/etc",
    "a/b",
    "a\0b",
    "process://../../../../etc",
    "process:///etc/passwd",
    "process://..",
    "process://",
    ".",
    "",
)


def paths(uid: str, container: str, cid: str, namespace: str, name: str) -> list[Path]:
    """All that a Layout makes of names, without those that it refuses."""
    makers: tuple[Callable[[], Path], ...] = (
        lambda: LAYOUT.pod_dir(uid),
        lambda: LAYOUT.volumes_dir(uid),
        lambda: LAYOUT.container_dir(uid, container),
        lambda: LAYOUT.instance_dir(uid, container, cid),
        lambda: LAYOUT.pod_log_dir(namespace, name, uid),
        lambda: LAYOUT.log_path(namespace, name, uid, container, 1),
        lambda: LAYOUT.socket_path(cid),
    )
    made = []
    for make in makers:
        try:
            made.append(make())
        except ValueError:
            continue
    return made


def test_good_names_are_all_taken() -> None:
    assert paths("u-1", "app", CID, "default", "web") == [
        Path("/srv/state/pods/u-1"),
        Path("/srv/state/pods/u-1/volumes"),
        Path("/srv/state/pods/u-1/containers/app"),
        Path("/srv/state/pods/u-1/containers/app/aaaaaaaaaaaaaaaa"),
        Path("/srv/log/default_web_u-1"),
        Path("/srv/log/default_web_u-1/app/1.log"),
        Path("/srv/run/aaaaaaaaaaaaaaaa.sock"),
    ]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("place", range(5))
def test_no_name_leads_out(hostile: str, place: int) -> None:
    names = ["u-1", "app", CID, "default", "web"]
    names[place] = hostile
    for path in paths(*names):
        normal = os.path.normpath(path)
        assert any(normal.startswith(f"{root}/") for root in ROOTS), path
        # Not only in the end: a link on the way would lead elsewhere.
        assert ".." not in path.parts


def test_hostile_names_are_all_refused() -> None:
    assert paths(*(["../x"] * 5)) == []
