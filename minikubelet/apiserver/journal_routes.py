"""GET /minikubelet/v1/…: why a pod is as it is, and the journal itself.

Role: `…/namespaces/NS/pods/NAME/why` explains a pod, also one that is gone, as long as the journal
knows it; `…/journal` streams records as JSON lines, with `follow=true` for as long as the client
listens.
Invariants: files are read in threads; a client that goes away ends its stream.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from aiohttp import web

from minikubelet.apiserver.requests import boolean, integer
from minikubelet.apiserver.responses import bad_request, not_found
from minikubelet.apiserver.services import Handler, Route
from minikubelet.clock import Clock
from minikubelet.explain.explanation import Explanation, explain, explanation_to_json
from minikubelet.explain.state import Surroundings
from minikubelet.journal import PodRef
from minikubelet.journal_json import record_to_json
from minikubelet.journal_reading import RECORDS_OF_ONE_POD, JournalEntry, JournalReader
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.manifest.static_pods import running_uid
from minikubelet.runtime.container_log import read_log
from minikubelet.runtime.layout import Layout
from minikubelet.store.kinds import known_resource
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore
from minikubelet.value_class import dataclass

LOG_LINES = 10
_LOG_BYTES = 16 * 1024
_RECORDS_FOR_ONE_RESTART = 200_000
_BATCH = 500
_POLL_SECONDS = 0.25
_GROUPS = ("initContainers", "containers", "ephemeralContainers")
_NO_PORTS = "NodePorts"


def journal_routes(
    journal: JournalReader,
    store: ObjectStore,
    *,
    clock: Clock,
    layout: Layout | None,
    node_name: str = "",
) -> tuple[Route, ...]:
    root = "/minikubelet/v1"
    why = _why_handler(journal, store, layout, node_name)
    return (
        Route("GET", f"{root}/namespaces/{{namespace}}/pods/{{name}}/why", why),
        Route("GET", f"{root}/journal", _journal_handler(journal, clock)),
    )


def _why_handler(
    journal: JournalReader, store: ObjectStore, layout: Layout | None, node_name: str
) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        container = request.query.get("container", "")
        restart = integer(request.query, "restart")
        stored = store.get(Key("", "pods", namespace, name))
        document = stored.document if stored is not None else None
        asked = _Question(PodRef(namespace, name, ""), document, container, restart)
        around = Surroundings(node_name, _port_holders(store, document))
        explanation = await asyncio.to_thread(_explain, journal, layout, asked, around)
        if explanation is None:
            raise not_found(known_resource("", "v1", "pods"), name)
        _check_choice(explanation, document, container, restart)
        return web.json_response(explanation_to_json(explanation))

    return handle


@dataclass(frozen=True, slots=True)
class _Question:
    pod: PodRef
    document: Json | None
    """None: the API does not know the pod any more."""
    container: str
    restart: int | None


def _port_holders(store: ObjectStore, document: Json | None) -> tuple[str, ...]:
    """Which pods have the host ports for which this one was refused."""
    if document is None or (document.get("status") or {}).get("reason") != _NO_PORTS:
        return ()
    wanted = _host_ports(document)
    return tuple(
        f"{port}: pod {stored.key.namespace}/{stored.key.name}"
        for stored in store.list(("", "pods"))
        if (stored.document.get("status") or {}).get("phase") not in ("Failed", "Succeeded")
        for port in sorted(wanted & _host_ports(stored.document))
    )


def _host_ports(document: Json) -> set[int]:
    spec = document.get("spec") or {}
    return {
        int(port.get("hostPort") or 0)
        for group in ("initContainers", "containers")
        for container in objects_in(spec, group)
        for port in objects_in(container, "ports")
    } - {0}


def _explain(
    journal: JournalReader, layout: Layout | None, asked: _Question, around: Surroundings
) -> Explanation | None:
    """Reads files. None for a pod that nobody knows."""
    ref, document, container, restart = asked.pod, asked.document, asked.container, asked.restart
    if document is not None:
        ref = PodRef(ref.namespace, ref.name, running_uid(document))
    else:
        found = journal.find(ref.namespace, ref.name)
        if found is None:
            return None
        ref = found
    limit = RECORDS_OF_ONE_POD if restart is None else _RECORDS_FOR_ONE_RESTART
    return explain(
        ref,
        (entry.record for entry in journal.records_of(ref.uid, limit)),
        pod=decode_pod(document) if document is not None else None,
        document=document,
        logs=last_lines(layout, ref) if layout is not None else {},
        container=container,
        restart=restart,
        around=around,
    )


def _check_choice(
    explanation: Explanation, document: Json | None, container: str, restart: int | None
) -> None:
    """Raises ApiError 400 when nothing fits what was asked for."""
    name = explanation.pod.name
    if container and not explanation.containers:
        spec = (document or {}).get("spec") or {}
        every = [str(one.get("name")) for group in _GROUPS for one in objects_in(spec, group)]
        if container not in every:
            choice = f": it has {', '.join(every)}" if every else ""
            raise bad_request(f"container {container} is not valid for pod {name}{choice}")
    if restart is not None and not any(one.ends for one in explanation.containers):
        whose = f"container {container} of pod {name}" if container else f"pod {name}"
        raise bad_request(f"restart {restart} of {whose} is not known")


def last_lines(layout: Layout, ref: PodRef) -> dict[tuple[str, int], list[str]]:
    """The ends of the logs that are kept, by container and restart count."""
    found = {}
    for path in layout.pod_log_dir(ref.namespace, ref.name, ref.uid).glob("*/*.log"):
        if path.stem.isdecimal():
            with suppress(OSError):
                found[path.parent.name, int(path.stem)] = _last_lines(path)
    return found


def _last_lines(path: Path) -> list[str]:
    data = b"".join(read_log(path, tail=LOG_LINES))[-_LOG_BYTES:]
    return data.decode("utf-8", "replace").splitlines()[-LOG_LINES:]


def _journal_handler(journal: JournalReader, clock: Clock) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        since = integer(request.query, "since") or 0
        follow = boolean(request.query, "follow")
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        with suppress(ConnectionError):  # the client has gone
            await response.prepare(request)
            while True:
                entries = journal.records(since)
                while batch := await asyncio.to_thread(_batch, entries):
                    since = batch[-1].position
                    await response.write(b"".join(_line(entry) for entry in batch))
                if not follow:
                    break
                while journal.position <= since:
                    if request.transport is None or request.transport.is_closing():
                        return response
                    await clock.sleep(_POLL_SECONDS)
            await response.write_eof()
        return response

    return handle


def _batch(entries: Iterator[JournalEntry]) -> list[JournalEntry]:
    return list(islice(entries, _BATCH))


def _line(entry: JournalEntry) -> bytes:
    head: Json = {"position": entry.position}
    if entry.repeats:
        head["repeats"] = entry.repeats
    return json.dumps(head | record_to_json(entry.record), ensure_ascii=False).encode() + b"\n"
