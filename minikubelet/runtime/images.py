"""Images become commands (design, 3.4).

Role: find the local command that stands for a container's image: the manifest's own, else the
user's catalog, else the built-in one; combined with `args` by Docker's rules (L-113).
Invariants: nothing is pulled and nothing is guessed: an image that no catalog knows has no command.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import field

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import Container
from minikubelet.runtime.image_reference import ImagePattern, ImageReference, parse_image
from minikubelet.value_class import dataclass

MOCK = "minikubelet-mock"
"""As the first word of a command line: the mock server; the launcher knows how it is started."""


class ImageNotMappedError(Exception):
    """No command is given and no catalog knows the image: the message of `ErrImagePull`."""


class NoCommandError(Exception):
    """Neither the manifest nor the image names a command (L-109)."""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image brings along, in Docker's terms."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    stand_ins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Programs of the image, and what plays each of them where the host lacks it."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    pattern: ImagePattern
    config: ImageConfig
    source: str
    """Where the entry stands: `built-in catalog`, or the path of the user's file."""


@dataclass(frozen=True, slots=True)
class ResolvedCommand:
    argv: tuple[str, ...]
    """Begins with `MOCK` when the mock server plays the image."""
    env: Mapping[str, str]
    """The image's environment: below everything that the manifest gives (L-136)."""
    working_dir: str
    """The image's; empty when it has none (L-114)."""
    source: str
    """How the command was found, in words."""


class ImageCatalog:
    """The user's entries over the built-in ones; of those that match, the most specific counts."""

    def __init__(
        self,
        user: Sequence[CatalogEntry],
        builtin: Sequence[CatalogEntry],
        *,
        search_path: str = os.defpath,
    ) -> None:
        """`search_path`: the PATH of containers, by which the host has a program or not."""
        self._entries = (*_most_specific_first(user), *_most_specific_first(builtin))
        self._search_path = search_path

    def entries(self) -> tuple[CatalogEntry, ...]:
        """In the order in which they are tried."""
        return self._entries

    def find(self, image: ImageReference) -> CatalogEntry | None:
        return next((entry for entry in self._entries if entry.pattern.matches(image)), None)

    def program(self, name: str) -> str | None:
        """The path of a program, by the PATH of containers; None when the host lacks it."""
        return shutil.which(name, path=self._search_path)

    def play(self, config: ImageConfig, argv: tuple[str, ...]) -> tuple[str, ...]:
        """`argv` as it runs here: with a stand-in for a program that the host lacks."""
        stand_in = config.stand_ins.get(argv[0]) if argv else None
        if stand_in is None or self.program(argv[0]) is not None:
            return argv
        return (*stand_in, *argv[1:])


def resolve_command(container: Container, catalog: ImageCatalog) -> ResolvedCommand:
    """The command line of a container, references in it as they are given.

    Raises ImageNameError, ImageNotMappedError or NoCommandError.
    """
    entry = catalog.find(parse_image(container.image))
    config = entry.config if entry is not None else ImageConfig()
    if container.command:
        argv, source = (*container.command, *container.args), "manifest"
    elif entry is None:
        raise ImageNotMappedError(
            f"no local command for image {go_quote(container.image)}:"
            " set command in the manifest, or map the image in images.yaml"
        )
    else:
        argv = (*config.entrypoint, *(container.args or config.cmd))
        source = f"{entry.source} ({entry.pattern.text})"
    if not argv:
        raise NoCommandError("no command specified")
    return ResolvedCommand(catalog.play(config, argv), config.env, config.working_dir, source)


def _most_specific_first(entries: Sequence[CatalogEntry]) -> list[CatalogEntry]:
    return sorted(entries, key=lambda entry: entry.pattern.specificity, reverse=True)
