"""`kubectl auth can-i`, `auth can-i --list`, `auth whoami`: whoever got in may do everything.

Role: answer the three self-subject reviews. Nothing is stored.
Upstream: an API server in the mode AlwaysAllow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from minikubelet.apiserver.access import ANONYMOUS, Access, User, user_of
from minikubelet.apiserver.services import Handler, Route
from minikubelet.clock import Clock
from minikubelet.manifest.json_tree import Json, object_in
from minikubelet.pod.encode_status import encode_time

_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_SELF = "/apis/authentication.k8s.io/{version}/selfsubjectreviews"

_EVERY_RESOURCE = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_EVERY_PATH = {"verbs": ["*"], "nonResourceURLs": ["*"]}

ReadBody = Callable[[web.Request], Awaitable[Json]]
"""The request's object, from JSON or protobuf (K-93); raises ApiError."""


def reviews_routes(access: Access, clock: Clock, read_body: ReadBody) -> tuple[Route, ...]:
    def route(path: str, review: Callable[[Json, User], Json]) -> Route:
        return Route("POST", path, _handler(access, read_body, review))

    def whoami(body: Json, user: User) -> Json:
        return self_review(body, user, encode_time(clock.now()))

    return (
        route(_ACCESS, access_review),
        route(_RULES, rules_review),
        route(_SELF.format(version="v1"), whoami),
        route(_SELF.format(version="v1beta1"), whoami),
    )


def access_review(body: Json, user: User) -> Json:
    return _reviewed(body, {"allowed": True})


def rules_review(body: Json, user: User) -> Json:
    return _reviewed(
        body,
        {
            "resourceRules": [_EVERY_RESOURCE],
            "nonResourceRules": [_EVERY_PATH],
            "incomplete": False,
        },
    )


def self_review(body: Json, user: User, now: str | None) -> Json:
    info: Json = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    reviewed = _reviewed(body, {"userInfo": info})
    reviewed["metadata"] = {**(object_in(body, "metadata") or {}), "creationTimestamp": now}
    return reviewed


def _reviewed(body: Json, status: Json) -> Json:
    return {**body, "metadata": object_in(body, "metadata") or {}, "status": status}


def _handler(access: Access, read_body: ReadBody, review: Callable[[Json, User], Json]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await read_body(request)
        return web.json_response(review(body, user_of(request, access) or ANONYMOUS), status=201)

    return handle
