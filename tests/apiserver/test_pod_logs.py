"""GET pods/NAME/log: which instance, which lines, and when it ends."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from minikubelet.apiserver.pod_instances import Instance, chosen_container, find_instance
from minikubelet.apiserver.pod_logs import PodLogs, parse_log_request
from minikubelet.apiserver.responses import ApiError
from minikubelet.apiserver.services import ApiServices, Route
from minikubelet.clock import SystemClock
from minikubelet.manifest.admit import Identity
from minikubelet.manifest.json_tree import Json
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.log_stream import GAP
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store
from tests.apiserver.serving import client, serving
from tests.runtime.cri import CRIWriter

KEY = Key("", "pods", "default", "web")
PATH = "/api/v1/namespaces/{namespace}/pods/{name}/log"
LOG = "/api/v1/namespaces/default/pods/web/log"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING: Json = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def _id(number: int) -> str:
    return f"process://{number:064x}"


def _ended(number: int) -> Json:
    return {"terminated": {"exitCode": 1, "containerID": _id(number)}}


def _status(
    state: Json, count: int = 0, last: Json | None = None, name: str = "app", cid: str = ""
) -> Json:
    return {
        "name": name,
        "restartCount": count,
        "state": state,
        "lastState": last or {},
        "containerID": cid or _id(count),
    }


def _pod(*statuses: Json, containers: tuple[str, ...] = ("app",), **spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "uid": "uid-1"},
        "spec": {"nodeName": "n", "containers": [{"name": name} for name in containers], **spec},
        "status": {"containerStatuses": list(statuses)},
    }


@pytest.mark.parametrize(
    ("status", "previous", "found"),
    [
        pytest.param(_status(RUNNING, 2), False, (2, True), id="the one that runs"),
        pytest.param(_status(RUNNING, 2, _ended(1)), True, (1, False), id="the one before it"),
        pytest.param(_status(_ended(2), 2), False, (2, False), id="the one that has ended"),
        pytest.param(_status(_ended(2), 2, _ended(1)), True, (1, False), id="the one before that"),
        pytest.param(
            _status({"waiting": {"reason": "CrashLoopBackOff"}}, 2, _ended(2)),
            False,
            (2, False),
            id="in back-off the last one",
        ),
        pytest.param(
            _status({"waiting": {"reason": "CrashLoopBackOff"}}, 2, _ended(2)),
            True,
            (2, False),
            id="in back-off the last one is the previous one too",
        ),
    ],
)
def test_instance(status: Json, previous: bool, found: tuple[int, bool]) -> None:  # L-266
    count, running = found
    expected = Instance("app", _id(count), count, running=running)
    assert find_instance(_pod(status), "app", previous=previous) == expected


@pytest.mark.parametrize(
    ("status", "previous", "message"),
    [
        (None, False, 'container "app" in pod "web" is not available'),
        (
            _status({"waiting": {"reason": "ContainerCreating"}}),
            False,
            'container "app" in pod "web" is waiting to start: ContainerCreating',
        ),
        (
            _status({"waiting": {"reason": "ErrImagePull"}}),
            False,
            'container "app" in pod "web" is waiting to start: image can\'t be pulled',
        ),
        (
            _status({"waiting": {"reason": "ImagePullBackOff"}}),
            False,
            'container "app" in pod "web" is waiting to start: trying and failing to pull image',
        ),
        (_status({}), False, 'container "app" in pod "web" is waiting to start - no logs yet'),
        (
            _status(RUNNING),
            True,
            'previous terminated container "app" in pod "web" not found',
        ),
        (
            _status({"terminated": {"exitCode": 137}}),
            False,
            'container "app" in pod "web" is terminated',
        ),
        (
            _status({"waiting": {}}, last={"terminated": {"exitCode": 137}}),
            False,
            'container "app" in pod "web" is terminated',
        ),
    ],
)
def test_no_instance(status: Json | None, previous: bool, message: str) -> None:  # L-123, K-65
    with pytest.raises(ApiError) as caught:
        find_instance(_pod(*[status] if status else []), "app", previous=previous)
    assert (caught.value.code, caught.value.reason) == (400, "BadRequest")
    assert caught.value.message == message


def test_container_may_be_left_out_when_there_is_one() -> None:  # K-64, K-65
    assert chosen_container(_pod(initContainers=[{"name": "init"}]), "") == "app"
    assert chosen_container(_pod(initContainers=[{"name": "init"}]), "init") == "init"
    with pytest.raises(ApiError, match=r"^container x is not valid for pod web$"):
        chosen_container(_pod(), "x")
    several = _pod(containers=("a", "b"), initContainers=[{"name": "i"}, {"name": "j"}])
    message = (
        "a container name must be specified for pod web, choose one of: [a b]"
        " or one of the init containers: [i j]"
    )
    with pytest.raises(ApiError) as caught:
        chosen_container(several, "")
    assert caught.value.message == message


class _Query(dict[str, str]):
    def getall(self, name: str, default: list[str]) -> list[str]:
        return [self[name]] if name in self else default


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ({"tailLines": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ({"sinceTime": "yesterday"}, 400, 'parsing time "yesterday" as'),
        ({"sinceTime": "2026-01-01"}, 400, 'parsing time "2026-01-01" as'),
        ({"sinceTime": "2026-13-01T00:00:00Z"}, 400, "parsing time"),
        (
            {"tailLines": "-1"},
            422,
            'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: '
            "must be greater than or equal to 0",
        ),
        ({"limitBytes": "0"}, 422, "limitBytes: Invalid value: 0: must be greater than 0"),
        ({"sinceSeconds": "0"}, 422, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        (
            {"sinceSeconds": "5", "sinceTime": "2026-01-01T00:00:00Z"},
            422,
            "at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
    ],
)
def test_wrong_parameters(query: dict[str, str], code: int, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_log_request(_Query(query), "web", NOW)
    assert caught.value.code == code
    assert message in caught.value.message


def test_parameters() -> None:
    query = _Query(sinceSeconds="90", follow="True", previous="1", timestamps="0", container="c")
    asked = parse_log_request(query, "web", NOW)
    assert (asked.follow, asked.previous, asked.container) == (True, True, "c")
    assert not asked.options.timestamps
    assert asked.options.since == datetime(2025, 12, 31, 23, 58, 30, tzinfo=UTC)
    since = parse_log_request(_Query(sinceTime="2026-01-01T02:00:00.5+02:00"), "web", NOW)
    assert since.options.since == datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    forever = parse_log_request(_Query(sinceSeconds="9" * 18), "web", NOW)
    assert forever.options.since is None


class _Node:
    """A pod in a store, and its logs on disk."""

    def __init__(
        self, directory: Path, session: aiohttp.ClientSession, store: ObjectStore, logs: PodLogs
    ) -> None:
        self.session = session
        self.store = store
        self.logs = logs
        self.layout = Layout(directory / "state", directory / "log", directory / "run")

    def put(self, pod: Json) -> None:
        (self.store.create if self.store.get(KEY) is None else self.store.replace)(KEY, pod)

    def log(self, count: int = 0, uid: str = "uid-1") -> CRIWriter:
        return CRIWriter(self.layout.log_path("default", "web", uid, "app", count).parent, count)

    async def get(self, query: str = "") -> tuple[int, bytes]:
        async with self.session.get(f"{LOG}?{query}") as response:
            return response.status, await response.read()


@asynccontextmanager
async def _node(directory: Path) -> AsyncIterator[_Node]:
    store = memory_store()
    services = ApiServices(
        store=store,
        clock=SystemClock(),
        node_name="n",
        identity=lambda: Identity(lambda: "", lambda: "", NOW),
        layout=Layout(directory / "state", directory / "log", directory / "run"),
    )
    logs = PodLogs(services)
    async with serving([Route("GET", PATH, logs.handle)]) as served, client(served) as session:
        yield _Node(directory, session, store, logs)
    for thread in threading.enumerate():
        if thread.name == "log changes":
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()


async def test_one_answer(tmp_path: Path) -> None:
    async with _node(tmp_path) as node:
        assert (await node.get())[0] == 404
        node.put(_pod(_status(RUNNING, 1, _ended(0))))
        assert await node.get() == (200, b"")  # nothing written yet
        node.log(0).write(b"before\n")
        node.log(1).write("ä\nb\nc\n".encode())
        assert await node.get() == (200, "ä\nb\nc\n".encode())
        assert await node.get("tailLines=1&container=app") == (200, b"c\n")
        assert await node.get("previous=true") == (200, b"before\n")
        assert await node.get("limitBytes=1") == (200, "ä".encode()[:1])
        status, body = await node.get("container=other")
        assert status == 400
        assert json.loads(body)["message"] == "container other is not valid for pod web"


async def test_a_pod_on_no_node_has_no_log(tmp_path: Path) -> None:
    async with _node(tmp_path) as node:
        node.put(_pod(nodeName=""))
        assert await node.get() == (200, b"")


async def test_the_launch_record_knows_the_number(tmp_path: Path) -> None:  # L-266
    async with _node(tmp_path) as node:
        node.put(_pod(_status(RUNNING, 7, _ended(5))))
        directory = node.layout.instance_dir("uid-1", "app", _id(5))
        directory.mkdir(parents=True)
        (directory / "launch.json").write_text('{"format": 1, "restart_count": 5}')
        node.log(5).write(b"five\n")
        node.log(6).write(b"six\n")
        assert await node.get("previous=true") == (200, b"five\n")


async def test_a_mirror_pod_has_the_logs_of_its_static_pod(tmp_path: Path) -> None:  # L-13
    async with _node(tmp_path) as node:
        pod = _pod(_status(RUNNING))
        pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "hash"}
        node.put(pod)
        node.log(uid="hash").write(b"static\n")
        assert await node.get() == (200, b"static\n")


@pytest.mark.parametrize(
    "cid", ["process://../../../out", "process:///etc", "../../../../out", "a/b"]
)
async def test_a_container_id_leads_nowhere_else(tmp_path: Path, cid: str) -> None:
    async with _node(tmp_path) as node:
        node.put(_pod(_status(RUNNING, cid=cid)))
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "launch.json").write_text('{"format": 1, "restart_count": 5}')
        node.log(5).write(b"five\n")
        status, body = await node.get()
        assert status == 400
        assert json.loads(body)["message"] == 'container "app" in pod "web" is not available'


async def test_a_mirror_annotation_leads_nowhere_else(tmp_path: Path) -> None:
    async with _node(tmp_path) as node:
        node.log().write(b"own\n")
        pod = _pod(_status(RUNNING))
        pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "uid-1/../../out"}
        node.put(pod)
        out = CRIWriter(tmp_path / "out" / "app", 0)
        out.write(b"stolen\n")
        assert await node.get() == (200, b"own\n")


async def test_follow_ends_with_the_container(tmp_path: Path) -> None:
    async with _node(tmp_path) as node:
        node.put(_pod(_status(RUNNING)))
        writer = node.log()
        writer.write(b"skipped\nlast\n")
        async with node.session.get(f"{LOG}?follow=true&tailLines=1") as response:
            assert response.headers["Content-Type"] == "text/plain"
            assert await response.content.readexactly(5) == b"last\n"
            writer.write(b"two\n")
            assert await response.content.readexactly(4) == b"two\n"
            writer.rotate()
            writer.write(b"three\n")
            assert await response.content.readexactly(6) == b"three\n"
            node.put(_pod(_status(RUNNING), _status(RUNNING, name="other")))
            writer.write(b"no newline")
            writer.close()
            node.put(_pod(_status(_ended(0))))
            assert await response.content.read() == b"no newline"


@contextmanager
def _busy(thread: Executor) -> Iterator[None]:
    """It does nothing else meanwhile."""
    busy, free = threading.Event(), threading.Event()

    def hold() -> None:
        busy.set()
        free.wait()

    thread.submit(hold)
    assert busy.wait(10)
    try:
        yield
    finally:
        free.set()


async def test_a_follower_that_was_too_slow_is_told_where_lines_may_be_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with _node(tmp_path) as node:
        reader = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(reader)
        node.put(_pod(_status(RUNNING)))
        writer = node.log()
        writer.write(b"zero\n")
        async with node.session.get(f"{LOG}?follow=true") as response:
            assert await response.content.readexactly(5) == b"zero\n"
            with _busy(reader):
                for text in (b"one\n", b"lost\n", b"three\n", b"four\n"):
                    writer.write(text)
                    writer.rotate(keep=1)
            node.put(_pod(_status(_ended(0))))
            assert await response.content.read() == b"one\n%s\nthree\nfour\n" % GAP
    assert "a client reads a log too slowly" in caplog.text


async def test_follow_does_not_go_on_to_the_next_instance(tmp_path: Path) -> None:
    async with _node(tmp_path) as node:
        node.put(_pod(_status(RUNNING)))
        node.log().write(b"one\n")
        async with node.session.get(f"{LOG}?follow=true") as response:
            assert await response.content.readexactly(4) == b"one\n"
            node.log(1).write(b"two\n")
            node.put(_pod(_status(RUNNING, 1, _ended(0))))
            assert await response.content.read() == b""


@pytest.mark.parametrize("query", ["follow=true", "follow=true&previous=true"])
async def test_follow_of_what_has_ended_ends(tmp_path: Path, query: str) -> None:
    async with _node(tmp_path) as node:
        node.put(_pod(_status(_ended(1), 1, _ended(0))))
        node.log(0).write(b"all\n")
        node.log(1).write(b"all\n")
        assert await node.get(query) == (200, b"all\n")


async def test_follow_ends_with_the_pod_and_with_the_limit(tmp_path: Path) -> None:
    async with _node(tmp_path) as node:
        node.put(_pod(_status(RUNNING)))
        writer = node.log()
        writer.write(b"one\n")
        async with node.session.get(f"{LOG}?follow=true&limitBytes=6") as response:
            assert await response.content.readexactly(4) == b"one\n"
            writer.write(b"two\n")
            assert await response.content.read() == b"tw"
        async with node.session.get(f"{LOG}?follow=true") as response:
            await response.content.readexactly(8)
            node.store.remove(KEY)
            assert await response.content.read() == b""


async def test_a_server_that_stops_ends_followers(tmp_path: Path) -> None:
    async with _node(tmp_path) as node:
        node.put(_pod(_status(RUNNING)))
        node.log().write(b"one\n")
        async with node.session.get(f"{LOG}?follow=true") as response:
            assert await response.content.readexactly(4) == b"one\n"
            node.logs.end()
            assert await response.content.read() == b""


async def test_a_client_that_leaves_leaves_nothing(tmp_path: Path) -> None:
    async with _node(tmp_path) as node:
        node.put(_pod(_status(RUNNING)))
        node.log().write(b"one\n")
        async with node.session.get(f"{LOG}?follow=true") as response:
            await response.content.readexactly(4)
            assert "log changes" in {thread.name for thread in threading.enumerate()}
        # `_node` waits for the thread's end.


async def test_a_slow_reader_gets_it_all_and_holds_up_nobody(tmp_path: Path) -> None:
    """24 MB, more than every buffer on the way together."""
    async with _node(tmp_path) as node:
        node.put(_pod(_status(RUNNING)))
        line = secrets.token_hex(4000).encode()
        entry = b"2026-01-01T00:00:01Z stdout F " + line + b"\n"
        node.log().raw(entry * 3000)
        async with node.session.get(LOG) as response:
            await response.content.readexactly(1)
            assert await node.get("tailLines=1") == (200, line + b"\n")
            rest = await response.content.read()
        assert len(rest) == 3000 * (len(line) + 1) - 1
