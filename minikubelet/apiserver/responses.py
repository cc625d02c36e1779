"""Errors as clients see them: `Status` objects (K-47 … K-49).

Role: the one exception of the API server and the values that it is made of. Pure.
Invariants: the HTTP code is the code of the Status; texts are upstream's, since kubectl prints them
as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minikubelet.manifest.fieldpath import ErrorType, FieldError
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import Resource
from minikubelet.store.objects import MODIFIED_MESSAGE

_CAUSES: Mapping[ErrorType, str] = {
    ErrorType.REQUIRED: "FieldValueRequired",
    ErrorType.FORBIDDEN: "FieldValueForbidden",
    ErrorType.INVALID: "FieldValueInvalid",
    ErrorType.NOT_SUPPORTED: "FieldValueNotSupported",
    ErrorType.NOT_FOUND: "FieldValueNotFound",
    ErrorType.DUPLICATE: "FieldValueDuplicate",
    ErrorType.TOO_LONG: "FieldValueTooLong",
    ErrorType.TOO_SHORT: "FieldValueTooShort",
    ErrorType.TOO_MANY: "FieldValueTooMany",
    ErrorType.TOO_FEW: "FieldValueTooFew",
    ErrorType.INTERNAL: "InternalError",
}


class ApiError(Exception):
    """Ends a request; the server answers with `status`."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details: Json = dict(details or {})
        self.retry_after_seconds = retry_after_seconds
        if retry_after_seconds is not None:
            self.details["retryAfterSeconds"] = retry_after_seconds
        self.list_metadata: Json = {}
        """Of a list that could not be continued: how it can."""

    @property
    def status(self) -> Json:
        status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.list_metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details:
            status["details"] = self.details
        return status | {"code": self.code}


def success_status(details: Mapping[str, Any] | None = None, code: int = 0) -> Json:
    """What a deletion answers; eviction and binding give their code too."""
    status: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details:
        status["details"] = dict(details)
    return status | ({"code": code} if code else {})


def object_details(resource: Resource, name: str, uid: str = "") -> Json:
    """`kind` is the plural, as upstream has it (K-48)."""
    details = {"name": name, "group": resource.group, "kind": resource.plural, "uid": uid}
    return {key: value for key, value in details.items() if value}


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def not_found(resource: Resource, name: str) -> ApiError:
    message = f'{resource.group_resource} "{name}" not found'
    return ApiError(404, "NotFound", message, details=object_details(resource, name))


def no_such_path() -> ApiError:
    message = "the server could not find the requested resource"
    return ApiError(404, "NotFound", message, details={})


def already_exists(resource: Resource, name: str) -> ApiError:
    message = f'{resource.group_resource} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details=object_details(resource, name))


def conflict(resource: Resource, name: str, why: str = MODIFIED_MESSAGE) -> ApiError:
    """The object is not the one, or not in the state, that the client wrote about."""
    message = f'Operation cannot be fulfilled on {resource.group_resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=object_details(resource, name))


def forbidden(
    resource: Resource, name: str, why: str, causes: Iterable[Mapping[str, str]] = ()
) -> ApiError:
    what = f'{resource.group_resource} "{name}"' if name else resource.group_resource
    details = object_details(resource, name)
    if listed := [dict(cause) for cause in causes]:
        details["causes"] = listed
    return ApiError(403, "Forbidden", f"{what} is forbidden: {why}", details=details)


def invalid(group: str, kind: str, name: str, errors: Iterable[FieldError]) -> ApiError:
    """422 with one cause per error (K-49, L-38)."""
    errors = tuple(errors)
    qualified = f"{kind}.{group}" if group else kind
    texts = list(dict.fromkeys(str(error) for error in errors))
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: Json = {"name": name, "group": group, "kind": kind}
    details = {key: value for key, value in details.items() if value}
    details["causes"] = [
        {
            "reason": _CAUSES[error.type],
            "message": str(error).removeprefix(f"{error.path}: "),
            "field": str(error.path),
        }
        for error in errors
    ]
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {listed}', details=details)


def method_not_allowed(message: str = "") -> ApiError:
    message = message or "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message)


def expired(message: str) -> ApiError:
    """The client's resourceVersion is older than the history: it has to list again (K-52)."""
    return ApiError(410, "Expired", message)


def too_large_version(asked: int, current: int) -> ApiError:
    """A resourceVersion that has not been given yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Too large resource version: {asked}, current: {current}"
    details = {"causes": [cause]}
    return ApiError(504, "Timeout", message, details=details, retry_after_seconds=1)


def unsupported_media_type(accepted: Iterable[str]) -> ApiError:
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )
    return ApiError(415, "UnsupportedMediaType", message)


def too_large(limit: int) -> ApiError:
    message = f"Request entity too large: limit is {limit}"
    return ApiError(413, "RequestEntityTooLarge", message)


def too_complex(limit: int) -> ApiError:
    message = f"Request entity too large: it has more than {limit} objects and lists in it"
    return ApiError(413, "RequestEntityTooLarge", message)


def internal_error(why: str) -> ApiError:
    details = {"causes": [{"message": why}]}
    message = f"Internal error occurred: {why}"
    return ApiError(500, "InternalError", message, details=details)


def service_unavailable(why: str, retry_after_seconds: int | None = None) -> ApiError:
    return ApiError(503, "ServiceUnavailable", why, retry_after_seconds=retry_after_seconds)
