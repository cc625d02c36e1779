"""`kubectl auth can-i`, `auth can-i --list`, `auth whoami`: whoever got in may do everything.

Role: answer the three self-subject reviews. Nothing is stored.
Upstream: an API server in the mode AlwaysAllow.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from minikubelet.apiserver.access import ANONYMOUS, Access, User, user_of
from minikubelet.apiserver.bodies import as_document, read_body
from minikubelet.apiserver.responses import bad_request, invalid
from minikubelet.apiserver.services import Handler, Route
from minikubelet.clock import Clock
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.fieldpath import invalid as invalid_field
from minikubelet.manifest.json_tree import Json, object_in
from minikubelet.pod.encode_status import encode_time
from minikubelet.store.kinds import Resource, known_resource

_ACCESS = ("authorization.k8s.io", "v1", "selfsubjectaccessreviews")
_RULES = ("authorization.k8s.io", "v1", "selfsubjectrulesreviews")
_SELF = ("authentication.k8s.io", "v1", "selfsubjectreviews")
_SELF_BETA = ("authentication.k8s.io", "v1beta1", "selfsubjectreviews")

_ABOUT = ("resourceAttributes", "nonResourceAttributes")
_REVIEW = ("authorization.k8s.io", "SelfSubjectAccessReview")
_EVERY_RESOURCE = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_EVERY_PATH = {"verbs": ["*"], "nonResourceURLs": ["*"]}

Review = Callable[[Json, User], Json]


def reviews_routes(access: Access, clock: Clock) -> tuple[Route, ...]:
    def whoami(body: Json, user: User) -> Json:
        return self_review(body, user, encode_time(clock.now()))

    return (
        _route(_ACCESS, access, access_review),
        _route(_RULES, access, rules_review),
        _route(_SELF, access, whoami),
        _route(_SELF_BETA, access, whoami),
    )


def access_review(body: Json, user: User) -> Json:
    spec = object_in(body, "spec") or {}
    about, path = [name for name in _ABOUT if spec.get(name) is not None], FieldPath().child("spec")
    if len(about) == 2:
        why = "cannot be specified in combination with resourceAttributes"
        error = invalid_field(path.child("nonResourceAttributes"), spec[about[1]], why)
        raise invalid(*_REVIEW, "", [error])
    if not about:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise invalid(*_REVIEW, "", [invalid_field(path.child("resourceAttributes"), None, why)])
    return _reviewed(body, {"allowed": True})


def rules_review(body: Json, user: User) -> Json:
    if not (object_in(body, "spec") or {}).get("namespace"):
        raise bad_request("no namespace on request")
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


def _route(place: tuple[str, str, str], access: Access, review: Review) -> Route:
    handler = _handler(known_resource(*place), access, review)
    return Route("POST", f"/apis/{'/'.join(place)}", handler)


def _handler(resource: Resource, access: Access, review: Review) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = read_body(await request.read(), request.headers.get("Content-Type", ""))
        document = as_document(body, resource)
        answer = review(document, user_of(request, access) or ANONYMOUS)
        return web.json_response(answer, status=201)

    return handle
