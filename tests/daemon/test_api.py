"""The API of a node, as a daemon or a run puts it together."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from minikubelet.apiserver.metric_series import Series
from minikubelet.assembly import new_identity
from minikubelet.clock import SystemClock
from minikubelet.daemon.api import ApiParts, NodeApi
from minikubelet.daemon.options import Listen
from minikubelet.journal_reading import JournalMemory
from minikubelet.runtime.layout import Layout
from minikubelet.store.store import memory_store
from tests.fakes.streams import FakeStreamRuntime
from tests.runtime.harness import eventually


def parts(directory: Path) -> ApiParts:
    clock = SystemClock()
    return ApiParts(
        store=memory_store(),
        clock=clock,
        node_name="node",
        identity=new_identity,
        layout=Layout(directory / "s", directory / "l", directory / "r"),
        journal=JournalMemory(),
        series=Series(),
        streams=FakeStreamRuntime(),
    )


def preparing(directory: Path) -> asyncio.Task[NodeApi]:
    made = NodeApi.prepared(
        parts(directory), pki_dir=directory / "pki", listen=Listen("127.0.0.1", 0)
    )
    return asyncio.ensure_future(made)


async def test_others_go_on_while_the_first_keys_are_made(tmp_path: Path) -> None:
    task = preparing(tmp_path)
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert (await task).url == ""
    assert (tmp_path / "pki" / "server.crt").exists()
    assert turns > 100


async def test_who_ends_meanwhile_may_remove_the_keys(tmp_path: Path) -> None:
    task = preparing(tmp_path)
    await eventually((tmp_path / "pki").exists, "the keys are being made")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "pki" / "token").exists()  # nothing more will be written
    shutil.rmtree(tmp_path / "pki")
