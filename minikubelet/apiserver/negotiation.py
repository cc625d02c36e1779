"""Which form of an answer a client wants (K-21 … K-23).

Role: the Accept header → a form; the Content-Type of a body → how to read it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto

from minikubelet.apiserver.responses import ApiError
from minikubelet.value_class import dataclass

YAML_TYPE = "application/yaml"
_JSON_TYPES = frozenset({"application/json", "application/*", "*/*"})
_META_GROUP = "meta.k8s.io"
_META_VERSIONS = ("v1", "v1beta1")


class Form(Enum):
    OBJECT = auto()
    TABLE = auto()
    METADATA = auto()
    """PartialObjectMetadata: the object without spec and status."""


@dataclass(frozen=True, slots=True)
class Wanted:
    form: Form = Form.OBJECT
    version: str = "v1"
    """Of meta.k8s.io."""
    yaml: bool = False
    """The same as YAML: made of the JSON when all is done (`presentation.py`)."""


PLAIN = Wanted()
_FORMS = {
    "Table": Form.TABLE,
    "PartialObjectMetadata": Form.METADATA,
    "PartialObjectMetadataList": Form.METADATA,
}


def wanted_form(accept: str, *, stream: bool = False) -> Wanted:
    """The most wanted element that can be served; raises ApiError 406 when none can. A `stream`
    (watch) is JSON only, as upstream."""
    if not accept.strip():
        return PLAIN
    for media_type, parameters in sorted(_elements(accept), key=_rank):
        yaml = media_type == YAML_TYPE
        if (yaml and stream) or (not yaml and media_type not in _JSON_TYPES):
            continue
        if "as" not in parameters:
            return Wanted(yaml=yaml)
        form = _FORMS.get(parameters["as"])
        version = parameters.get("v", "v1")
        group = parameters.get("g", _META_GROUP)
        if form is not None and group == _META_GROUP and version in _META_VERSIONS:
            return Wanted(form, version, yaml)
    served = "application/json;stream=watch" if stream else f"application/json, {YAML_TYPE}"
    message = f"only the following media types are accepted: {served}"
    raise ApiError(406, "NotAcceptable", message)


def media_type(content_type: str) -> str:
    """Without parameters; a missing one means JSON (K-23)."""
    return content_type.partition(";")[0].strip().lower() or "application/json"


def _rank(element: tuple[str, dict[str, str]]) -> tuple[float, bool, bool]:
    """The more wanted first (`q`), and of equals the more exact."""
    media_type, parameters = element
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        quality = 1.0
    return -quality, media_type.startswith("*"), media_type.endswith("*")


def _elements(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    for element in accept.split(","):
        name, *rest = (part.strip() for part in element.split(";"))
        parameters = dict(part.partition("=")[::2] for part in rest if "=" in part)
        yield name.lower(), parameters
