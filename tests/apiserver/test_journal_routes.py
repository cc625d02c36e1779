"""The journal and its explanations over HTTP, and `minikubelet why`, which prints them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from minikubelet.apiserver.journal_routes import journal_routes
from minikubelet.apiserver.services import Route
from minikubelet.cli.main import main
from minikubelet.clock import SystemClock
from minikubelet.journal_file import JournalFile
from minikubelet.journal_json import record_to_json
from minikubelet.manifest.json_tree import Json
from minikubelet.runtime.layout import Layout
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store
from tests.apiserver.serving import Served, client, serving
from tests.cli.records import WEB, a_start, an_exit
from tests.fakes.clock import FakeClock

WHY = "/minikubelet/v1/namespaces/default/pods/{}/why"
SECOND = "process://" + "6f" * 32
RECORDS = [
    a_start(0),
    an_exit(3, seconds=4, ran=4),
    dataclasses.replace(a_start(5, 1), container_id=SECOND),
]


@dataclass
class Known:
    """What the routes answer from."""

    journal: JournalFile
    store: ObjectStore
    layout: Layout

    def add_pod(self, uid: str = WEB.uid, **metadata: Any) -> None:
        self.store.create(
            Key("", "pods", "default", "web"),
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "web", "namespace": "default", "uid": uid, **metadata},
                "spec": {
                    "restartPolicy": "Always",
                    "containers": [{"name": "app", "image": "shop:1"}],
                },
                "status": {
                    "phase": "Running",
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            },
        )

    def add_log(self, restart_count: int, text: str) -> None:
        path = self.layout.log_path("default", "web", WEB.uid, "app", restart_count)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"2026-01-01T12:00:00.5Z stdout F {line}\n" for line in text.split()]
        path.write_text("".join(lines))


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Known]:
    clock = FakeClock()
    journal = JournalFile(tmp_path / "journal", clock=clock)
    journal.open()
    yield Known(journal, memory_store(), Layout(tmp_path, tmp_path / "log", tmp_path))
    journal.close()


@pytest.fixture
async def served(known: Known) -> AsyncIterator[Served]:
    routes = journal_routes(known.journal, known.store, clock=SystemClock(), layout=known.layout)
    async with serving(routes) as served:
        yield served


async def get(served: Served, path: str) -> tuple[int, Json]:
    async with client(served) as session, session.get(path) as response:
        return response.status, json.loads(await response.read())


async def test_why_with_the_pod_and_its_logs(known: Known, served: Served) -> None:
    known.add_pod()
    known.add_log(0, "one two three")
    known.add_log(1, " ".join(str(n) for n in range(20)))
    for record in RECORDS:
        known.journal.on_record(record)
    code, answer = await get(served, WHY.format("web"))
    assert code == 200
    assert answer["pod"] == {"namespace": "default", "name": "web", "uid": WEB.uid}
    assert answer["text"] == "The pod is Running and Ready. Restarts: container app once."
    (container,) = answer["containers"]
    assert container["log"] == [str(n) for n in range(10, 20)]
    (end,) = container["ends"]
    assert end["log"] == ["one", "two", "three"]
    assert (end["cause"], end["restart"], end["exitCode"]) == ("ExitCode", 1, 3)
    assert end["text"] == (
        "Container app ended by itself after 4s with exit code 3. It was started again "
        "(restart 1): restartPolicy Always."
    )
    assert [link["at"] for link in end["chain"]] == [
        "2026-01-01T12:00:00.000Z",
        "2026-01-01T12:00:04.000Z",
        "2026-01-01T12:00:05.000Z",
    ]


async def test_a_static_pod_is_known_by_the_annotation_of_its_mirror(
    known: Known, served: Served
) -> None:
    known.add_pod("of-the-mirror", annotations={"kubernetes.io/config.mirror": WEB.uid})
    known.journal.on_record(a_start(0))
    _, answer = await get(served, WHY.format("web"))
    assert answer["pod"]["uid"] == WEB.uid
    assert [c["name"] for c in answer["containers"]] == ["app"]


async def test_a_pod_that_is_gone_is_explained_from_the_journal(
    known: Known, served: Served
) -> None:
    known.journal.on_record(a_start(0))
    code, answer = await get(served, WHY.format("web"))
    assert code == 200
    assert answer["text"] == "The pod is gone. Its last phase was unknown."


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        pytest.param(WHY.format("nobody"), 404, 'pods "nobody" not found', id="no such pod"),
        pytest.param(
            WHY.format("web") + "?container=db",
            400,
            "container db is not valid for pod web: it has app",
            id="no such container",
        ),
        pytest.param(
            WHY.format("web") + "?restart=7",
            400,
            "restart 7 of pod web is not known",
            id="no such restart",
        ),
    ],
)
async def test_what_is_not_known(
    known: Known, served: Served, path: str, code: int, message: str
) -> None:
    known.add_pod()
    known.journal.on_record(a_start(0))
    got, answer = await get(served, path)
    assert (got, answer["message"]) == (code, message)


async def test_a_pod_without_its_port_is_told_who_has_it(known: Known, served: Served) -> None:
    ports = {"containers": [{"name": "app", "ports": [{"hostPort": 80}, {"containerPort": 81}]}]}
    for name, status in (
        ("web", {"phase": "Failed", "reason": "NodePorts", "message": "Pod was rejected: no"}),
        ("holder", {"phase": "Running"}),
        ("ended", {"phase": "Succeeded"}),
    ):
        metadata = {"name": name, "namespace": "default", "uid": name}
        document = {"metadata": metadata, "spec": ports, "status": status}
        known.store.create(Key("", "pods", "default", name), document)
    known.journal.on_record(a_start(0))
    _, answer = await get(served, WHY.format("web"))
    assert answer["text"] == (
        "The pod failed: it was refused (NodePorts): no (host port 80: pod default/holder)."
    )


async def lines(response: aiohttp.ClientResponse, number: int) -> list[Json]:
    return [json.loads(await response.content.readline()) for _ in range(number)]


async def test_the_journal_from_a_position_on(known: Known, served: Served) -> None:
    for record in RECORDS:
        known.journal.on_record(record)
    path = "/minikubelet/v1/journal?since=1"
    async with client(served) as session, session.get(path) as response:
        assert response.content_type == "application/x-ndjson"
        told = [json.loads(line) for line in (await response.text()).splitlines()]
    assert (
        told
        == [{"position": n, **record_to_json(record)} for n, record in enumerate(RECORDS, 1)][1:]
    )


async def test_the_journal_as_it_grows(known: Known, served: Served) -> None:
    known.journal.on_record(a_start(0))
    path = "/minikubelet/v1/journal?follow=true"
    async with client(served) as session, session.get(path) as response:
        assert [line["position"] for line in await lines(response, 1)] == [1]
        known.journal.on_record(an_exit(1, seconds=1))
        assert [line["record"] for line in await lines(response, 1)] == ["ContainerExited"]


# --- the command


def a_kubeconfig(directory: Path, served: Served) -> Path:
    path = directory / "kubeconfig"
    document = {
        "current-context": "m",
        "contexts": [{"name": "m", "context": {"cluster": "m", "user": "m"}}],
        "clusters": [{"name": "m", "cluster": {"server": served.url}}],
        "users": [{"name": "m", "user": {}}],
    }
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def kubeconfig(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KUBECONFIG", str(a_kubeconfig(tmp_path, served)))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


TEXT = """\
default/web: The pod is Running and Ready. Restarts: container app once.

container app: runs since 2026-01-01 12:00:05
  last lines of its log:
  | ^[[2Jready

  restart 1 at 2026-01-01 12:00:04: ExitCode
    Container app ended by itself after 4s with exit code 3. It was started again (restart 1):
    restartPolicy Always.
    12:00:00.000  started (pid 7)
    12:00:04.000  ended after 4s: exit 3
    12:00:05.000  started (restart 1, pid 7)

(known since 2026-01-01 12:00:00)
"""


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize("words", [["web"], ["web/app"], ["pod/web/app", "--restart", "1"]])
async def test_the_command_prints_it(
    known: Known, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    known.add_pod()
    known.add_log(1, "\x1b[2Jready")
    for record in RECORDS:
        known.journal.on_record(record)
    assert await asyncio.to_thread(main, ["why", *words]) == 0
    assert capsys.readouterr() == (TEXT, "")


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["web"], 1, 'Error from server (NotFound): pods "web" not found\n'),
        (["web/"], 2, "error: POD or POD/CONTAINER is wanted, not 'web/'\n"),
        (["a/b/c"], 2, "error: POD or POD/CONTAINER is wanted, not 'a/b/c'\n"),
    ],
)
async def test_the_command_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert await asyncio.to_thread(main, ["why", *words]) == code
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["wbe"], ' "wbe" not found (did you mean web?)'),
        (["web", "-n", "shop"], ' "web" not found (there is one in namespace default: -n default)'),
        (["we"], ' "we" not found (did you mean web?)'),
        (["web", "-n", "static"], ' "web" not found (did you mean web-node?)'),
        (["database"], ' "database" not found'),
    ],
)
async def test_the_command_knows_what_was_meant(
    known: Known,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    hint: str,
) -> None:
    async def pods(request: web.Request) -> web.StreamResponse:
        return web.json_response({"items": [s.document for s in known.store.list(("", "pods"))]})

    known.add_pod()
    mirror = {"metadata": {"name": "web-node", "namespace": "static", "uid": "m"}}
    known.store.create(Key("", "pods", "static", "web-node"), mirror)
    routes = journal_routes(known.journal, known.store, clock=SystemClock(), layout=None)
    async with serving((*routes, Route("GET", "/api/v1/pods", pods))) as served:
        monkeypatch.setenv("KUBECONFIG", str(a_kubeconfig(tmp_path, served)))
        assert await asyncio.to_thread(main, ["why", *words]) == 1
    assert capsys.readouterr().err == f"Error from server (NotFound): pods{hint}\n"


@pytest.mark.usefixtures("kubeconfig")
async def test_the_command_prints_json(known: Known, capsys: pytest.CaptureFixture[str]) -> None:
    known.journal.on_record(a_start(0))
    assert await asyncio.to_thread(main, ["why", "web", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["since"] == record_to_json(a_start(0))["at"]
