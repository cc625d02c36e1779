"""Names of images: `registry/repository:tag@digest`, and the patterns that match them.

Role: two spellings of one image are equal here: `nginx`, `library/nginx` and
`docker.io/library/nginx:latest`; and the frozen registry `k8s.gcr.io` is its successor
`registry.k8s.io`.
Upstream: distribution/reference, ParseNormalizedNamed. Pure.
"""

from __future__ import annotations

import functools
import re

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.value_class import dataclass

_DOCKER_HUB = "docker.io"
_SAME_REGISTRY = {"index.docker.io": _DOCKER_HUB, "k8s.gcr.io": "registry.k8s.io"}

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_REGISTRY = re.compile(r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_ANYTHING_BUT_TAG = re.compile(r"(?P<name>.+?)(?::(?P<tag>[^/:]*))?")


class ImageNameError(Exception):
    """Not an image name; the text is upstream's message of `InvalidImageName`."""


@dataclass(frozen=True, slots=True)
class ImageReference:
    registry: str
    repository: str
    tag: str
    """Empty when a digest stands in its place; `latest` when the name gave neither."""
    digest: str = ""

    @property
    def name(self) -> str:
        return f"{self.registry}/{self.repository}"

    def spellings(self) -> tuple[str, ...]:
        """The ways to write `name`, the full one first."""
        if self.registry != _DOCKER_HUB:
            return (self.name,)
        return (self.name, self.repository, self.repository.removeprefix("library/"))


@functools.lru_cache(maxsize=1024)
def parse_image(text: str) -> ImageReference:
    """Raises ImageNameError."""
    rest, at, digest = text.partition("@")
    matched = _ANYTHING_BUT_TAG.fullmatch(rest)
    if matched is None:
        raise _invalid(text)
    registry, repository = _split_registry(matched["name"])
    tag: str | None = matched["tag"]
    remote = repository.partition(":")[0]
    if remote != remote.lower():
        raise _invalid(text, f": repository name ({remote}) must be lowercase")
    if (
        _REPOSITORY.fullmatch(repository) is None
        or _REGISTRY.fullmatch(registry) is None
        or (tag is not None and _TAG.fullmatch(tag) is None)
        or (at and _DIGEST.fullmatch(digest) is None)
    ):
        raise _invalid(text)
    return ImageReference(registry, repository, tag or ("" if at else "latest"), digest)


def _split_registry(name: str) -> tuple[str, str]:
    """A first part with a dot, a colon or capitals, or `localhost`, is a registry."""
    first, slash, rest = name.partition("/")
    if not slash or not (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    ):
        first, rest = _DOCKER_HUB, name
    first = _SAME_REGISTRY.get(first, first)
    if first == _DOCKER_HUB and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest


def _invalid(text: str, detail: str = "") -> ImageNameError:
    quoted = go_quote(text)
    return ImageNameError(
        f"Failed to apply default image tag {quoted}: couldn't parse image name {quoted}:"
        f" invalid reference format{detail}"
    )


@dataclass(frozen=True, slots=True)
class ImagePattern:
    """What a catalog entry stands for: any tag of an image, one tag or digest, a text with `*`."""

    text: str

    @property
    def specificity(self) -> tuple[bool, bool, int]:
        """Greater is more exact: no `*` before `*`, a tag before none, long before short."""
        return ("*" not in self.text, self._tag() is not None, len(self.text))

    def matches(self, image: ImageReference) -> bool:
        if "*" not in self.text:
            wanted = parse_image(self.text)
            if wanted.name != image.name:
                return False
            if wanted.digest:
                return wanted.digest == image.digest
            return self._tag() is None or wanted.tag == image.tag
        name, tag = self._name(), self._tag()
        return any(_glob(name, spelling) for spelling in image.spellings()) and (
            tag is None or _glob(tag, image.tag)
        )

    def _name(self) -> str:
        matched = _ANYTHING_BUT_TAG.fullmatch(self.text.partition("@")[0])
        name = matched["name"] if matched is not None else self.text
        first, slash, rest = name.partition("/")
        return _SAME_REGISTRY.get(first, first) + slash + rest

    def _tag(self) -> str | None:
        """The tag, or the digest in its place; None when any will do."""
        rest, at, digest = self.text.partition("@")
        if at:
            return digest
        matched = _ANYTHING_BUT_TAG.fullmatch(rest)
        return matched["tag"] if matched is not None else None


def _glob(pattern: str, text: str) -> bool:
    """`*` stands for any run of characters, slashes too; nothing else is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
