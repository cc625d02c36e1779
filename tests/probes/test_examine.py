"""One attempt, and the looks after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minikubelet.clock import SystemClock
from minikubelet.manifest.pod import HTTPGetAction, Probe, ProbeKind
from minikubelet.pod.listeners import Listener
from minikubelet.probes.attempt import Examined, LookKind
from minikubelet.probes.examine import examine
from minikubelet.probes.prober import HandlerProber, ProbeTarget
from minikubelet.probes.result import Outcome
from minikubelet.probes.trace import BodyRead, Connected, FirstBytes, HeadRead, RequestSent, Trace
from tests.pod.builders import a_container, a_pod
from tests.probes.servers import Handler, Peer, a_server
from tests.probes.test_exec import FakeExec, exited
from tests.probes.test_http import answer, by_path

CLOCK = SystemClock()
PROBER = HandlerProber(CLOCK, FakeExec(exited()))


def a_target(port: int, path: str = "/", host: str = "127.0.0.1") -> ProbeTarget:
    probe = Probe(ProbeKind.READINESS, http_get=HTTPGetAction(port, path, host), timeout_seconds=30)
    container = a_container(readiness_probe=probe)
    return ProbeTarget(a_pod(container), container, probe, "c1", "127.0.0.1", {})


NOTHING: tuple[Listener, ...] = ()


async def examined(target: ProbeTarget, *, may_look: bool = True) -> Examined:
    return await examine(target, PROBER, CLOCK, lambda address: NOTHING, may_look=may_look)


def by_path_or_404(good: str) -> tuple[Handler, list[str]]:
    """And the paths that were asked for."""
    asked: list[str] = []

    async def handle(peer: Peer) -> None:
        asked.append((await peer.request()).split(b" ")[1].decode())
        await peer.send(answer("200 OK") if asked[-1] == good else answer("404 Not Found"))

    return handle, asked


async def test_looks_end_with_the_first_that_succeeds() -> None:
    handler, asked = by_path_or_404("/healthz")
    async with a_server(handler) as server:
        found = await examined(a_target(server.port, "/helth"))
    assert asked == ["/helth", "/helth", "/helth/", "/", "/healthz"]
    assert [(look.kind, look.value, look.attempt.succeeded) for look in found.looks] == [
        (LookKind.HOST_HEADER, f"localhost:{server.port}", False),
        (LookKind.PATH, "/helth/", False),
        (LookKind.PATH, "/", False),
        (LookKind.PATH, "/healthz", True),
    ]
    assert found.attempt.result.outcome is Outcome.FAILURE


async def test_nothing_but_the_attempt_when_looking_is_not_allowed() -> None:
    handler, asked = by_path_or_404("/healthz")
    async with a_server(handler) as server:
        found = await examined(a_target(server.port, "/helth"), may_look=False)
    assert (asked, found.looks) == (["/helth"], ())


@pytest.mark.parametrize("path", ["/", "/missing"])
async def test_a_trace_changes_nothing(path: str) -> None:
    handler = by_path({"/": answer("200 OK", b"ok"), "/missing": answer("404 No", b"none")})
    async with a_server(handler) as server:
        target = a_target(server.port, path)
        results = [
            await PROBER.attempt(target, Trace(CLOCK)),
            await PROBER.attempt(target),
            await PROBER.probe(target),
        ]
    assert results == [results[0]] * 3


async def test_the_steps_of_an_attempt() -> None:
    async with a_server(by_path({"/": answer("200 OK", b"ok")})) as server:
        attempt = (await examined(a_target(server.port))).attempt
    sent = attempt.last(RequestSent)
    connected = attempt.last(Connected)
    assert sent is not None
    assert connected is not None
    assert [step.fact for step in attempt.steps][1:] == [
        Connected(f"127.0.0.1:{server.port}", connected.local),
        RequestSent(f"http://127.0.0.1:{server.port}/", sent.data),
        FirstBytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        HeadRead(200, ""),
        BodyRead(b"ok", truncated=False),
    ]
    times = [step.at_seconds for step in attempt.steps]
    assert times == sorted(times)
    assert 0 <= times[-1] <= attempt.seconds < 30


async def test_listeners_are_those_of_the_address_that_was_tried() -> None:
    asked: list[str] = []

    def listeners_at(address: str) -> None:
        asked.append(address)

    async with a_server(by_path({"/": answer("200 OK")})) as server:
        target = a_target(server.port)
        found = await examine(target, PROBER, CLOCK, listeners_at)
        unknown = replace(target, probe=a_target(1, host="a..b").probe)
        nowhere = await examine(unknown, PROBER, CLOCK, listeners_at)
    assert (asked, found.listeners, nowhere.listeners) == (["127.0.0.1"], None, None)
