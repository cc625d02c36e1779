"""/stats/summary in the kubelet's shape, at its own path and at the node's proxy.

Role: a snapshot of `usage.py` and the pods of the store → the document; rendering is pure.
Upstream: pkg/kubelet/apis/stats/v1alpha1. Differs: there is no file system or network of a
container's own, so those members are left out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

from minikubelet.apiserver.pod_instances import container_statuses
from minikubelet.apiserver.services import ApiServices, Route
from minikubelet.apiserver.usage import Measured, Snapshot, UsageReader
from minikubelet.manifest.json_tree import Json, object_in
from minikubelet.manifest.static_pods import running_uid
from minikubelet.pod.encode_status import encode_time

_PATH = "/stats/summary"


def stats_routes(services: ApiServices, usage: UsageReader) -> tuple[Route, ...]:
    async def handle(request: web.Request) -> web.StreamResponse:
        snapshot = await usage.read()
        layout = services.layout
        fs = None if layout is None else await asyncio.to_thread(file_system, layout.state_dir)
        pods = [stored.document for stored in services.store.list(("", "pods"))]
        return web.json_response(summary(services.node_name, pods, snapshot, fs))

    return (
        Route("GET", _PATH, handle),
        Route("GET", f"/api/v1/nodes/{services.node_name}/proxy{_PATH}", handle),
    )


def summary(node_name: str, pods: Iterable[Json], snapshot: Snapshot, fs: Json | None) -> Json:
    now = encode_time(snapshot.at)
    node: Json = {
        "nodeName": node_name,
        "cpu": _cpu(snapshot.node),
        "memory": {
            **_memory(snapshot.node),
            "availableBytes": snapshot.available_bytes,
        },
    }
    if fs is not None:
        node["fs"] = {"time": now, **fs}
    found = (_pod(pod, snapshot) for pod in pods)
    return {"node": node, "pods": [pod for pod in found if pod is not None]}


def file_system(path: Path) -> Json:
    info = os.statvfs(path)
    return {
        "availableBytes": info.f_bavail * info.f_frsize,
        "capacityBytes": info.f_blocks * info.f_frsize,
        "usedBytes": (info.f_blocks - info.f_bfree) * info.f_frsize,
        "inodesFree": info.f_ffree,
        "inodes": info.f_files,
        "inodesUsed": info.f_files - info.f_ffree,
    }


def _pod(pod: Json, snapshot: Snapshot) -> Json | None:
    """None while no container of it runs."""
    containers: list[Json] = []
    sums: list[Measured] = []
    for status in container_statuses(pod):
        measured = snapshot.containers.get(str(status.get("containerID", "")))
        running = object_in(object_in(status, "state") or {}, "running")
        if measured is None or running is None:
            continue
        sums.append(measured)
        containers.append(
            {
                "name": status["name"],
                "startTime": running.get("startedAt"),
                "cpu": _cpu(measured),
                "memory": _memory(measured),
            }
        )
    if not containers:
        return None
    metadata = pod["metadata"]
    total = Measured(
        snapshot.at,
        max(m.window_seconds for m in sums),
        sum(m.cores for m in sums),
        sum(m.cpu_seconds for m in sums),
        sum(m.memory_bytes for m in sums),
        sum(m.processes for m in sums),
    )
    return {
        "podRef": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": running_uid(pod),
        },
        "startTime": (object_in(pod, "status") or {}).get("startTime"),
        "containers": containers,
        "cpu": _cpu(total),
        "memory": _memory(total),
        "process_stats": {"process_count": total.processes},
    }


def _cpu(measured: Measured) -> Json:
    return {
        "time": encode_time(measured.at),
        "usageNanoCores": round(measured.cores * 1e9),
        "usageCoreNanoSeconds": round(measured.cpu_seconds * 1e9),
    }


def _memory(measured: Measured) -> Json:
    return {
        "time": encode_time(measured.at),
        "usageBytes": measured.memory_bytes,
        "workingSetBytes": measured.memory_bytes,
        "rssBytes": measured.memory_bytes,
    }
