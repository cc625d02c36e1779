"""What can be asked of a pod besides the general verbs: binding and eviction (K-46); and tokens.

Role: handlers of subresources that take other kinds. Logs are in `pod_logs.py`.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import orjson
from aiohttp import web

from minikubelet.apiserver.bodies import Body, read_body
from minikubelet.apiserver.deleting import ObjectDeleter, delete_options
from minikubelet.apiserver.metadata import check_place, check_uid, timestamp
from minikubelet.apiserver.requests import Target, find_target, write_options
from minikubelet.apiserver.resources import ResourceHandlers, json_response
from minikubelet.apiserver.responses import (
    ApiError,
    bad_request,
    invalid,
    not_found,
    success_status,
)
from minikubelet.apiserver.services import ApiServices
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.fieldpath import invalid as invalid_field
from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.store.objects import StoredObject

_TOKEN_SECONDS = 3600
_SHORTEST_TOKEN_SECONDS = 600
_TOKEN_WARNING = (
    "minikubelet does not accept service account tokens: use the token of its kubeconfig"
)


class PodActions:
    def __init__(
        self, services: ApiServices, deleter: ObjectDeleter, handlers: ResourceHandlers
    ) -> None:
        self._store = services.store
        self._clock = services.clock
        self._deleter = deleter
        self._handlers = handlers

    async def evict(self, request: web.Request) -> web.StreamResponse:
        target, document = await self._asked(request, "eviction", ("Eviction",))
        options = delete_options(document.get("deleteOptions"), request.query)
        deleted = self._deleter.delete(target, options)
        return await self._done(deleted.stored)

    async def bind(self, request: web.Request) -> web.StreamResponse:
        """By a scheduler of somebody's own; pods that nobody binds are bound by the node."""
        target, document = await self._asked(request, "binding", ("Binding", "Pod"))
        stored = self._existing(target)
        check_uid(str((document.get("metadata") or {}).get("uid") or ""), stored.document, target)
        node = (document.get("target") or {}).get("name")
        if not isinstance(node, str) or not node:
            raise bad_request("target.name: Required value")
        if why := _why_not_bound(stored.document):
            message = f'Operation cannot be fulfilled on pods/binding "{target.name}": pod '
            details = {"name": target.name, "kind": "pods/binding"}
            raise ApiError(409, "Conflict", f"{message}{target.name} {why}", details=details)
        if write_options(request.query, "CreateOptions", dry_run=document.get("dryRun")).dry_run:
            return await self._done(None)
        bound: Json = {**stored.document, "status": dict(stored.document.get("status") or {})}
        bound["spec"] = {**stored.document["spec"], "nodeName": node}
        self._mark_scheduled(bound)
        return await self._done(self._store.replace(target.key, bound))

    async def create_token(self, request: web.Request) -> web.StreamResponse:
        target, document = await self._asked(request, "token", ("TokenRequest",))
        self._existing(target)
        spec = document.get("spec") or {}
        seconds = spec.get("expirationSeconds") or _TOKEN_SECONDS
        if not isinstance(seconds, int):
            raise bad_request("spec.expirationSeconds: a number is wanted")
        if why := _why_no_duration(seconds):
            path = FieldPath().child("spec", "expirationSeconds")
            error = invalid_field(path, seconds, why)
            raise invalid("authentication.k8s.io", "TokenRequest", "", [error])
        answer = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": target.name,
                "namespace": target.namespace,
                "creationTimestamp": timestamp(self._clock.now()),
            },
            "spec": {**spec, "expirationSeconds": seconds},
            "status": {
                "token": secrets.token_urlsafe(32),
                "expirationTimestamp": timestamp(self._clock.now() + timedelta(seconds=seconds)),
            },
        }
        return json_response(orjson.dumps(answer), 201, (_TOKEN_WARNING,))

    async def _asked(
        self, request: web.Request, subresource: str, kinds: tuple[str, ...]
    ) -> tuple[Target, Json]:
        """The object that is meant, and the body, whose name has to be the path's."""
        target = find_target(request.match_info, subresource)
        data = await request.read()
        self._handlers.require_disk()
        body = read_body(data, request.headers.get("Content-Type", ""))
        document = _as_object(body, kinds)
        meta = document.get("metadata") or {}
        if meta.get("name", target.name) != target.name:
            raise bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL "
                f"({target.name})"
            )
        check_place(meta, target)
        return target, document

    def _mark_scheduled(self, pod: Json) -> None:
        status = pod.setdefault("status", {})
        others = [c for c in objects_in(status, "conditions") if c.get("type") != "PodScheduled"]
        scheduled = {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": timestamp(self._clock.now()),
        }
        status["conditions"] = [*others, scheduled]

    def _existing(self, target: Target) -> StoredObject:
        stored = self._store.get(target.key)
        if stored is None:
            raise not_found(target.resource, target.name)
        return stored

    async def _done(self, stored: StoredObject | None) -> web.StreamResponse:
        if stored is not None:
            await self._store.durable(stored.resource_version)
        return json_response(orjson.dumps(success_status(code=201)), 201)


def _why_no_duration(seconds: int) -> str:
    """Of a token; empty for a good one."""
    if seconds < _SHORTEST_TOKEN_SECONDS:
        return "may not specify a duration less than 10 minutes"
    return "may not specify a duration larger than 2^32 seconds" if seconds > 1 << 32 else ""


def _why_not_bound(pod: Json) -> str:
    """In upstream's words; empty for one that may be."""
    if pod["metadata"].get("deletionTimestamp"):
        return "is being deleted, cannot be assigned to a host"
    if node := pod["spec"].get("nodeName"):
        return f'is already assigned to node "{node}"'
    if pod["spec"].get("schedulingGates"):
        return "has non-empty .spec.schedulingGates"
    return ""


def _as_object(body: Body, kinds: tuple[str, ...]) -> Json:
    content: Any = body.content
    if not isinstance(content, dict):
        raise bad_request("couldn't get version/kind; json parse error: an object is wanted")
    for name in ("metadata", "target", "spec", "deleteOptions"):
        if not isinstance(content.get(name) or {}, dict):
            raise bad_request(f"{name}: an object is wanted")
    kind = content.get("kind") or kinds[0]
    if kind not in kinds:
        raise bad_request(f"{kind} cannot be handled as a {kinds[0]}")
    return content
