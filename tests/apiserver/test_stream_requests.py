"""What is asked of streams, and what is refused before an upgrade (K-50, K-72)."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import MultiDict

from minikubelet.apiserver.responses import ApiError
from minikubelet.apiserver.stream_requests import (
    StreamOptions,
    Transport,
    UnsupportedProtocolError,
    Verb,
    choose_channels,
    choose_spdy_version,
    forwarded_ports,
    forwarding_address,
    listed,
    requested_transport,
    running_container,
    stream_options,
)
from minikubelet.manifest.json_tree import Json

EXEC, ATTACH = Verb.EXEC, Verb.ATTACH
NO_COMMAND = (400, "you must specify at least one command for the container")
NO_STREAM = (400, "you must specify at least 1 of stdin, stdout, stderr")
NOT_RUNNING = (500, 'unable to upgrade connection: container not found ("app")')
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def a_pod(
    *names: str, phase: str = "Running", state: Json | None = None, ip: str = "10.0.0.1"
) -> Json:
    names = names or ("app",)
    statuses = [
        {"name": name, "containerID": f"id-{name}", "state": state or RUNNING} for name in names
    ]
    return {
        "metadata": {"name": "web"},
        "spec": {"nodeName": "here", "containers": [{"name": name} for name in names]},
        "status": {"phase": phase, "podIP": ip, "containerStatuses": statuses},
    }


def refused(call: Any, *args: Any) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        call(*args)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("verb", "query", "options"),
    [
        pytest.param(
            EXEC,
            "command=ls command=-l stdout=true stderr=true",
            StreamOptions(False, True, True, False, ("ls", "-l")),
            id="kubectl exec",
        ),
        pytest.param(
            EXEC,
            "command=sh stdin=True stdout=1 stderr=true tty=t",
            StreamOptions(True, True, False, True, ("sh",)),
            id="a terminal has no stderr of its own",
        ),
        pytest.param(
            ATTACH, "stdin=true", StreamOptions(True, False, False, False), id="attach, stdin only"
        ),
        pytest.param(EXEC, "stdout=true", NO_COMMAND, id="no command"),
        pytest.param(EXEC, "command=ls", NO_STREAM, id="no stream"),
        pytest.param(ATTACH, "tty=true stderr=true", NO_STREAM, id="stderr of a terminal"),
        pytest.param(
            ATTACH, "stdin= stdout=FALSE", StreamOptions(True, False, False, False), id="stdin="
        ),
    ],
)
def test_options(verb: Verb, query: str, options: StreamOptions | tuple[int, str]) -> None:
    pairs: MultiDict[str] = MultiDict()
    for pair in query.split():
        pairs.add(*pair.split("=", 1))
    if isinstance(options, StreamOptions):
        assert stream_options(pairs, verb) == options
    else:
        assert refused(stream_options, pairs, verb) == options


def test_the_container_is_found() -> None:
    assert running_container(a_pod(), "", EXEC) == "id-app"
    assert running_container(a_pod("a", "b"), "b", ATTACH) == "id-b"


@pytest.mark.parametrize(
    ("pod", "asked", "verb", "why"),
    [
        pytest.param(
            a_pod("a", "b"),
            "",
            EXEC,
            (400, "a container name must be specified for pod web, choose one of: [a b]"),
            id="several, and none is named",
        ),
        pytest.param(
            a_pod(), "zzz", EXEC, (400, "container zzz is not valid for pod web"), id="no such one"
        ),
        pytest.param(
            a_pod(state={"terminated": {"exitCode": 1}}),
            "",
            EXEC,
            NOT_RUNNING,
            id="in back-off, or ended",
        ),
        pytest.param(
            a_pod(state={"waiting": {"reason": "ContainerCreating"}}),
            "",
            ATTACH,
            NOT_RUNNING,
            id="not yet started",
        ),
        pytest.param(
            a_pod(phase="Succeeded"),
            "",
            EXEC,
            (400, "cannot exec into a container in a completed pod; current phase is Succeeded"),
            id="exec in a finished pod",
        ),
        pytest.param(
            a_pod(phase="Failed"),
            "",
            ATTACH,
            (400, "cannot attach a container in a completed pod; current phase is Failed"),
            id="attach to a finished pod",
        ),
        pytest.param(
            {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "app"}]}},
            "",
            EXEC,
            (400, "pod web does not have a host assigned"),
            id="on no node yet",
        ),
    ],
)
def test_containers_that_cannot_be_reached(
    pod: Json, asked: str, verb: Verb, why: tuple[int, str]
) -> None:
    assert refused(running_container, pod, asked, verb) == why


def test_where_ports_are() -> None:
    assert forwarding_address(a_pod()) == "10.0.0.1"
    why = "unable to forward port because pod is not running. Current status=Pending"
    assert refused(forwarding_address, a_pod(phase="Pending")) == (400, why)


@pytest.mark.parametrize(
    ("values", "ports"),
    [
        (["80"], (80,)),
        (["80,443", "8080"], (80, 443, 8080)),
        ([], 'query parameter "ports" is required'),
        (["0"], "unable to parse '0' as a port: it must be 1 to 65535"),
        (["65536"], "unable to parse '65536' as a port: it must be 1 to 65535"),
        (["80,http"], "unable to parse 'http' as a port: it must be 1 to 65535"),
    ],
)
def test_ports_of_the_query(values: list[str], ports: tuple[int, ...] | str) -> None:
    query = MultiDict(("ports", value) for value in values)
    if isinstance(ports, str):
        assert refused(forwarded_ports, query) == (400, ports)
    else:
        assert forwarded_ports(query) == ports


@pytest.mark.parametrize(
    ("upgrade", "connection", "transport"),
    [
        ("SPDY/3.1", "Upgrade", Transport.SPDY),
        ("websocket", "keep-alive, Upgrade", Transport.WEBSOCKET),
        ("WebSocket", "upgrade", Transport.WEBSOCKET),
        ("", "", None),
        ("h2c", "Upgrade", None),
        ("SPDY/3.1", "keep-alive", None),
    ],
)
def test_transports(upgrade: str, connection: str, transport: Transport | None) -> None:
    if transport is None:
        assert refused(requested_transport, upgrade, connection) == (
            400,
            "Upgrade request required",
        )
    else:
        assert requested_transport(upgrade, connection) is transport


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        pytest.param(
            ["v4.channel.k8s.io", "v3.channel.k8s.io", "channel.k8s.io"],
            "v4.channel.k8s.io",
            id="kubectl 1.27",
        ),
        pytest.param(["v5.channel.k8s.io, v4.channel.k8s.io"], "v4.channel.k8s.io", id="1.29+"),
        pytest.param(["v2.channel.k8s.io"], "v2.channel.k8s.io", id="old"),
    ],
)
def test_spdy_versions(headers: list[str], name: str) -> None:  # K-74
    version = choose_spdy_version(listed(headers))
    assert version.name == name
    assert version.status_json is name.startswith("v4")
    assert version.resize is not name.startswith("v2")


def test_no_common_protocol() -> None:
    with pytest.raises(UnsupportedProtocolError, match=r"client supports \[v9\.x\]") as caught:
        choose_spdy_version(["v9.x"])
    assert caught.value.code == 403
    assert caught.value.accepted[0] == "v4.channel.k8s.io"
    assert refused(choose_channels, ["v9.x"])[0] == 403
    assert refused(choose_spdy_version, [])[0] == 400
