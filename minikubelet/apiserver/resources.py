"""The verbs of every kind: list, get, watch, create, update, patch, delete, deletecollection.

Role: handlers that parse, call and render; the rules are in `writing.py`, `patching.py`,
`deleting.py`.
Invariants: a write is on disk before it is answered; while the disk takes nothing, writes are
refused and reads go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import accumulate

import orjson
from aiohttp import web

from minikubelet.apiserver.bodies import Body, read_body
from minikubelet.apiserver.deleting import (
    DeleteOptions,
    ObjectDeleter,
    delete_options,
)
from minikubelet.apiserver.negotiation import media_type, wanted_form
from minikubelet.apiserver.paging import page_of, require_known
from minikubelet.apiserver.patching import APPLY_TYPE, ObjectPatcher, read_patch
from minikubelet.apiserver.rendering import Renderer
from minikubelet.apiserver.requests import (
    Target,
    find_target,
    list_options,
    version_number,
    write_options,
)
from minikubelet.apiserver.responses import (
    method_not_allowed,
    not_found,
    object_details,
    service_unavailable,
    success_status,
)
from minikubelet.apiserver.selecting import Selection
from minikubelet.apiserver.services import ApiServices
from minikubelet.apiserver.watching import Watches, serve_watch
from minikubelet.apiserver.writing import ObjectWriter, Written, require_stored
from minikubelet.store.objects import StoredObject

_LARGE_BODY = 64 * 1024
_MAX_WARNINGS = 4 * 1024
"""Signs of all warnings; with more than that each is cut after `_MAX_WARNING`."""
_MAX_WARNING = 256


class ResourceHandlers:
    def __init__(
        self,
        services: ApiServices,
        writer: ObjectWriter,
        deleter: ObjectDeleter,
        watches: Watches,
    ) -> None:
        self._services = services
        self._store = services.store
        self._writer = writer
        self._patcher = ObjectPatcher(services, writer)
        self._deleter = deleter
        self._watches = watches

    async def list_or_watch(self, request: web.Request) -> web.StreamResponse:
        target = find_target(request.match_info)
        options = list_options(request.query)
        selection = Selection(target.resource, options.labels, options.fields)
        if options.watch:
            return await serve_watch(
                request,
                target,
                options,
                selection,
                lambda: self._renderer(request, target, stream=True),
                self._store,
                self._services.clock,
                self._watches,
            )
        page = page_of(self._store, target, selection, options)
        return json_response(self._renderer(request, target).list(page.objects, page.metadata))

    async def get(self, request: web.Request) -> web.StreamResponse:
        target = find_target(request.match_info)
        renderer = self._renderer(request, target)
        subresource = target.resource.subresource(target.subresource)
        if subresource is not None and "get" not in subresource.verbs:
            raise method_not_allowed()
        asked = version_number(request.query.get("resourceVersion", ""))
        require_known(asked, self._store.resource_version)
        stored = self._store.get(target.key)
        if stored is None:
            raise not_found(target.resource, target.name)
        return json_response(renderer.stored(stored))

    async def create(self, request: web.Request) -> web.StreamResponse:
        target = find_target(request.match_info)
        if target.resource.namespaced and not target.namespace:
            raise method_not_allowed()
        require_stored(target.resource)
        data = await request.read()
        self.require_disk()
        options = write_options(request.query, "CreateOptions")
        body = await _read(data, request)
        written = self._writer.create(target, body, options)
        return await self._answer(request, target, written)

    async def refuse_method(self, request: web.Request) -> web.StreamResponse:
        find_target(request.match_info)
        raise method_not_allowed()

    async def update(self, request: web.Request) -> web.StreamResponse:
        target = self._writable(request, "update")
        data = await request.read()
        self.require_disk()
        options = write_options(request.query, "UpdateOptions")
        body = await _read(data, request)
        written = self._writer.update(target, body, options)
        return await self._answer(request, target, written)

    async def patch(self, request: web.Request) -> web.StreamResponse:
        target = self._writable(request, "patch")
        data = await request.read()
        self.require_disk()
        kind = media_type(request.headers.get("Content-Type", ""))
        options = write_options(request.query, "PatchOptions", applies=kind == APPLY_TYPE)
        read = await _reading(data, lambda: read_patch(data, kind))
        written = self._patcher.patch(target, read, kind, options)
        return await self._answer(request, target, written)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        target = find_target(request.match_info)
        if target.subresource:
            raise method_not_allowed()
        options = await self._delete_options(request)
        self.require_disk()
        deleted = self._deleter.delete(target, options)
        if deleted.stored is not None:
            await self._store.durable(deleted.stored.resource_version)
        if deleted.removed and not self._deleter.returns_object(target.resource):
            uid = str(deleted.document["metadata"].get("uid") or "")
            details = object_details(target.resource, target.name, uid)
            return json_response(orjson.dumps(success_status(details)))
        return json_response(self._renderer(request, target).document(deleted.document))

    async def delete_collection(self, request: web.Request) -> web.StreamResponse:
        target = find_target(request.match_info)
        if "deletecollection" not in target.resource.verbs:
            raise method_not_allowed()
        if target.resource.namespaced and not target.namespace:
            raise method_not_allowed()
        selectors = list_options(request.query)
        selection = Selection(target.resource, selectors.labels, selectors.fields)
        options = await self._delete_options(request)
        self.require_disk()
        objects = self._selected(target, selection)
        newest = 0
        for stored in objects:
            place = Target(target.resource, stored.key.namespace, stored.key.name)
            deleted = self._deleter.delete(place, options)
            if deleted.stored is not None:
                newest = max(newest, deleted.stored.resource_version)
        if newest:
            await self._store.durable(newest)
        metadata = {"resourceVersion": str(self._store.resource_version)}
        return json_response(self._renderer(request, target).list(objects, metadata))

    def require_disk(self) -> None:
        if self._store.failing:
            raise service_unavailable(self._store.failing)

    def _writable(self, request: web.Request, verb: str) -> Target:
        target = find_target(request.match_info)
        subresource = target.resource.subresource(target.subresource)
        if subresource is not None and verb not in subresource.verbs:
            raise method_not_allowed()
        return target

    async def _delete_options(self, request: web.Request) -> DeleteOptions:
        data = await request.read()
        body = None
        if data.strip():
            body = read_body(data, request.headers.get("Content-Type", "")).content
        return delete_options(body, request.query)

    def _selected(self, target: Target, selection: Selection) -> list[StoredObject]:
        objects = self._store.list(target.resource.storage, target.list_namespace)
        return [stored for stored in objects if selection.matches(stored)]

    def _renderer(self, request: web.Request, target: Target, *, stream: bool = False) -> Renderer:
        return Renderer(
            target.resource,
            wanted_form(request.headers.get("Accept", ""), stream=stream),
            request.query.get("includeObject", ""),
            self._services.clock.now(),
        )

    async def _answer(
        self, request: web.Request, target: Target, written: Written
    ) -> web.StreamResponse:
        renderer = self._renderer(request, target)
        if written.stored is not None:
            await self._store.durable(written.stored.resource_version)
            body = renderer.stored(written.stored)
        else:
            body = renderer.served(written.document)
        return json_response(body, 201 if written.created else 200, written.warnings)


async def _read(data: bytes, request: web.Request) -> Body:
    content_type = request.headers.get("Content-Type", "")
    return (await _reading(data, lambda: read_body(data, content_type)))()


async def _reading(data: bytes, read: Callable[[], Body]) -> Callable[[], Body]:
    """What reads a body; a large one has been read, while others were served."""
    if len(data) < _LARGE_BODY:
        return read
    body = await asyncio.to_thread(read)
    return lambda: body


def json_response(
    body: bytes, status: int = 200, warnings: Iterable[str] = ()
) -> web.StreamResponse:
    response = web.Response(body=body, status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache, private"
    for header in warning_headers(warnings):
        response.headers.add("Warning", header)
    return response


def warning_headers(warnings: Iterable[str]) -> list[str]:
    """Each text once; what does not fit into the headers of an answer is left out, as upstream."""
    headers = [warning_header(text) for text in dict.fromkeys(warnings)]
    if sum(map(len, headers)) <= _MAX_WARNINGS:
        return headers
    headers = [warning_header(text[:_MAX_WARNING]) for text in dict.fromkeys(warnings)]
    sizes = accumulate(map(len, headers))
    return [header for header, size in zip(headers, sizes, strict=True) if size <= _MAX_WARNINGS]


def warning_header(text: str) -> str:
    """RFC 7234 as kubectl reads it; a header carries no line breaks and no other signs."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in " ".join(text.split()))
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'
