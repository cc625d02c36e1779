"""exec and attach over both transports, with a program that does what the test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from minikubelet.apiserver.stream_runtime import ContainerStream
from minikubelet.manifest.json_tree import Json
from tests.apiserver.api import Api, key_of
from tests.apiserver.streaming import (
    POD,
    a_running_pod,
    messages,
    spdy,
    spdy_request,
    streaming_api,
    websocket,
)
from tests.apiserver.wire.spdy_peer import Said
from tests.fakes.clock import FakeClock
from tests.fakes.streams import FakeEnd, FakeStreamRuntime, ScriptedStream

V5 = "v5.channel.k8s.io"
EXEC = f"{POD}/exec?command=cat&stdin=true&stdout=true&stderr=true"
TTY = f"{POD}/exec?command=sh&stdin=true&stdout=true&tty=true"
ATTACH = f"{POD}/attach?stdin=true&stdout=true&stderr=true"
SUCCESS = b'{"metadata":{},"status":"Success"}'
SIZE = b'{"Width":80,"Height":24}'


@pytest.fixture
def program() -> ScriptedStream:
    return ScriptedStream()


@pytest.fixture
def runtime(program: ScriptedStream) -> FakeStreamRuntime:
    return FakeStreamRuntime(program)


@pytest.fixture
async def api(runtime: FakeStreamRuntime) -> AsyncIterator[Api]:
    async with streaming_api(runtime) as api:
        yield api


@pytest.fixture
async def slow_api(runtime: FakeStreamRuntime) -> AsyncIterator[Api]:
    """Its time stands still."""
    async with streaming_api(runtime, clock=FakeClock()) as api:
        yield api


async def closed(program: ScriptedStream) -> None:
    async with asyncio.timeout(10):
        await program.closed.wait()


# --- WebSocket


@pytest.mark.parametrize(
    ("offered", "chosen", "end", "told"),
    [
        pytest.param([V5], V5, FakeEnd(0), SUCCESS, id="kubectl"),
        pytest.param([V5, "v4.channel.k8s.io"], V5, FakeEnd(0), SUCCESS, id="kubernetes"),
        pytest.param(["v4.channel.k8s.io"], "v4.channel.k8s.io", FakeEnd(0), SUCCESS, id="kr8s"),
        pytest.param(
            ["channel.k8s.io"],
            "channel.k8s.io",
            FakeEnd(3),
            b"command terminated with exit code 3",
            id="the oldest",
        ),
        pytest.param(
            [], None, FakeEnd(None, "gone"), b"executing command in container: gone", id="none"
        ),
    ],
)
async def test_output_then_outcome_then_the_end(
    api: Api,
    program: ScriptedStream,
    offered: list[str],
    chosen: str | None,
    end: FakeEnd,
    told: bytes,
) -> None:  # K-70
    program._end = end
    program.say((1, b"out"), (2, b"err"), (1, b"more"), None)
    async with websocket(api, EXEC, *offered) as ws:
        assert ws.protocol == chosen
        *output, outcome = await messages(ws)
        assert output == [b"\x01out", b"\x02err", b"\x01more"]
        assert isinstance(outcome, bytes)
        assert (outcome[:1], outcome.endswith(told)) == (b"\x03", True)
        assert ws.close_code == 1000
    assert program.closed.is_set()


async def test_a_base64_protocol_uses_text(api: Api, program: ScriptedStream) -> None:
    async with websocket(api, EXEC, "base64.channel.k8s.io") as ws:
        await ws.send_str("0aW4=")
        await program.wait_for(b"in")
        program.say((1, b"out"), None)
        assert await messages(ws) == ["1b3V0"]


async def test_what_the_client_says_reaches_the_program(
    api: Api, program: ScriptedStream, runtime: FakeStreamRuntime
) -> None:  # K-68, K-75
    async with websocket(api, TTY + "&stderr=true", V5) as ws:
        for message in (b"\x04" + SIZE, b"\x00ls\n", b"\x00", b"", b"\x09unknown", b"\xff\x01"):
            await ws.send_bytes(message)
        await ws.send_bytes(b"\xff\x00")
        await program.wait_for((80, 24), b"ls\n", None)
        program.say(None)
        await messages(ws)
    flags = {"stdin": True, "stdout": True, "stderr": False, "tty": True}
    assert runtime.asked == [{"id": "id-of-app", "argv": ("sh",), **flags}]


async def test_v4_has_no_end_of_stdin(api: Api, program: ScriptedStream) -> None:
    async with websocket(api, EXEC, "v4.channel.k8s.io") as ws:
        await ws.send_bytes(b"\xff\x00")
        await ws.send_bytes(b"\x00a")
        await program.wait_for(b"a")


async def test_input_that_was_not_announced_is_dropped(api: Api, program: ScriptedStream) -> None:
    async with websocket(api, EXEC.replace("stdin=true", "stdin=false"), V5) as ws:
        await ws.send_bytes(b"\x00a")
        await ws.send_bytes(b"\xff\x00")
        await ws.send_bytes(b"\x04" + SIZE)
        await program.wait_for((80, 24))


# --- SPDY


async def test_a_session_over_spdy(api: Api, program: ScriptedStream) -> None:  # K-72, K-73, K-86
    async with spdy(api, EXEC, "v5.channel.k8s.io, v4.channel.k8s.io", "channel.k8s.io") as client:
        assert client.headers["x-stream-protocol-version"] == "v4.channel.k8s.io"
        assert (client.headers["connection"], client.headers["upgrade"]) == ("Upgrade", "SPDY/3.1")
        numbers = [await client.open(streamtype=kind) for kind in ("error", "stdin", "stdout")]
        error, stdin, stdout = numbers
        await client.send(client.peer.data(stdin, b"early"))
        assert program.given == []
        stderr = await client.open(streamtype="stderr")
        await client.send(client.peer.data(stdin, b" and late", fin=True))
        await program.wait_for(b"early and late", None)
        program.say((1, b"out"), (2, b"err"), None)
        assert await client.rest() == [
            Said("data", stdout, b"out"),
            Said("data", stderr, b"err"),
            Said("data", error, SUCCESS),
            Said("fin", stdout),
            Said("fin", stderr),
            Said("fin", error),
            Said("fin", stdin),
            Said("goaway", 0),
        ]
        await client.send(client.peer.reset(stdin) + client.peer.go_away())
        assert await client.next() is None
    assert program.closed.is_set()


async def test_a_terminal_over_spdy(api: Api, program: ScriptedStream) -> None:  # K-75
    async with spdy(api, TTY) as client:
        for kind in ("error", "stdin", "stdout", "resize"):
            number = await client.open(streamtype=kind)
        await client.send(client.peer.data(number, SIZE[:9]) + client.peer.data(number, SIZE[9:]))
        await client.send(client.peer.data(number, b'\n{"Width":81,"Height":25}\n'))
        await program.wait_for((80, 24), (81, 25))


@pytest.mark.parametrize(
    ("end", "told"),
    [(FakeEnd(0), []), (FakeEnd(2), [b"command terminated with exit code 2"])],
)
async def test_before_v4_only_failures_are_told(
    api: Api, program: ScriptedStream, end: FakeEnd, told: list[bytes]
) -> None:  # K-74: and v2 has no resize
    program._end = end
    program.say(None)
    async with spdy(api, TTY, "v2.channel.k8s.io") as client:
        error = await client.open(streamtype="error")
        await client.open(streamtype="stdin")
        await client.open(streamtype="stdout")
        said = await client.rest()
        assert [data for what, number, data in said if what == "data"] == told
        assert Said("fin", error) in said


async def test_streams_that_do_not_belong_are_reset(api: Api) -> None:  # K-72
    async with spdy(api, EXEC) as client:
        await client.open(streamtype="error")
        for kind in ("error", "resize", "nonsense", ""):
            number = await client.open(streamtype=kind)
            assert await client.next() == Said("reset", number, b"2")


async def test_streams_that_do_not_come_end_the_connection(
    slow_api: Api, runtime: FakeStreamRuntime
) -> None:  # K-72
    assert isinstance(slow_api.clock, FakeClock)
    async with spdy(slow_api, EXEC) as client:
        await client.open(streamtype="error")
        await slow_api.clock.advance(29)
        await client.open(streamtype="stdin")
        await slow_api.clock.advance(2)
        assert await client.next() is None
    assert runtime.asked == []


async def test_a_client_that_speaks_no_spdy(api: Api, program: ScriptedStream) -> None:
    async with spdy(api, ATTACH) as client:
        for kind in ("error", "stdin", "stdout", "stderr"):
            await client.open(streamtype=kind)
        await client.send(b"\x80\x02rubbish")
        assert await client.next() == Said("goaway", 1)
        assert await client.next() is None
    await closed(program)


async def test_pings_are_answered(api: Api) -> None:
    async with spdy(api, EXEC) as client:
        await client.send(client.peer.ping(7))
        assert await client.next() == Said("ping", 7)


# --- both


async def test_an_attached_container_ends_well_however_it_ends(
    api: Api, program: ScriptedStream, runtime: FakeStreamRuntime
) -> None:  # K-77
    program._end = FakeEnd(9)
    program.say((1, b"screen"), None)
    async with websocket(api, ATTACH, V5) as ws:
        assert await messages(ws) == [b"\x01screen", b"\x03" + SUCCESS]
    assert runtime.asked == [
        {"id": "id-of-app", "argv": (), "stdin": True, "stdout": True, "stderr": True}
    ]


@pytest.mark.parametrize(
    ("path", "what"), [(EXEC, "executing command in"), (ATTACH, "attaching to")]
)
async def test_a_session_that_cannot_begin(
    api: Api, runtime: FakeStreamRuntime, path: str, what: str
) -> None:  # K-76
    runtime.stream, runtime.refusal = None, "there is no such thing"
    async with websocket(api, path, V5) as ws:
        (outcome,) = await messages(ws)
        assert ws.close_code == 1000
    assert isinstance(outcome, bytes)
    status = json.loads(outcome[1:])
    assert status["message"] == (
        f"Internal error occurred: error {what} container: there is no such thing"
    )
    assert (status["reason"], status["code"]) == ("InternalError", 500)


def pod_with(**status: Any) -> Json:
    pod = a_running_pod("other")
    pod["status"] |= status
    return pod


ERRORS = [
    pytest.param(
        "missing", "exec?command=a&stdout=true", 404, 'pods "missing" not found', id="no pod"
    ),
    pytest.param(
        "missing", "portforward", 404, 'pods "missing" not found', id="no pod to forward to"
    ),
    pytest.param(
        "web",
        "exec?command=a&stdout=true&container=x",
        400,
        "container x is not valid for pod web",
        id="no container",
    ),
    pytest.param(
        "web",
        "exec?stdout=true",
        400,
        "you must specify at least one command for the container",
        id="no command",
    ),
    pytest.param(
        "other",
        "attach?stdout=true",
        400,
        "cannot attach a container in a completed pod; current phase is Failed",
        id="finished",
    ),
    pytest.param(
        "other",
        "portforward?ports=1",
        400,
        "unable to forward port because pod is not running. Current status=Failed",
        id="nothing listens any more",
    ),
]


@pytest.mark.parametrize(("pod", "path", "code", "message"), ERRORS)
async def test_errors_before_the_upgrade_are_the_same_for_both(
    api: Api, pod: str, path: str, code: int, message: str
) -> None:  # K-50
    api.store.create(key_of("pods", "other"), pod_with(phase="Failed"))
    url = f"{POD.removesuffix('web')}{pod}/{path}"
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    get = await api("GET", url, **upgrade)
    post = await api("POST", url, Upgrade="SPDY/3.1", Connection="Upgrade")
    assert (get.status, get.message) == (code, message)
    assert get.body == post.body


async def test_requests_that_are_no_upgrade(api: Api) -> None:
    answer = await api("POST", EXEC)
    assert (answer.status, answer.message) == (400, "Upgrade request required")
    answer = await api("GET", EXEC, Upgrade="websocket", Connection="Upgrade")
    assert answer.status == 400


async def test_no_common_protocol(api: Api) -> None:
    status, headers, _, writer = await spdy_request(api, EXEC, ["v9.channel.k8s.io"])
    writer.close()
    assert status.split()[1] == "403"
    accepted = headers["x-accepted-stream-protocol-versions"]
    assert accepted.split(", ")[0] == "v4.channel.k8s.io"
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await api.session.ws_connect(EXEC, protocols=["v9.channel.k8s.io"])


async def test_a_session_that_breaks_is_told(api: Api, runtime: FakeStreamRuntime) -> None:
    class Broken(ScriptedStream):
        async def read(self) -> tuple[int, bytes] | None:
            raise ValueError("a mistake of ours")

    broken: ContainerStream = Broken()
    runtime.stream = broken
    async with websocket(api, EXEC, V5) as ws:
        (outcome,) = await messages(ws)
        assert isinstance(outcome, bytes)
        assert b"InternalError" in outcome
