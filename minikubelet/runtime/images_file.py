"""The user's image catalog, `images.yaml`.

Role: read

    mycompany/api:                 # an image: any tag; with a tag only that one; `*` stands for any
    text
      entrypoint: [python3, -m, api]
      cmd: [--port, "8080"]        # replaced by the manifest's args, as in Docker
      env: {LOG_LEVEL: debug}
      workingDir: ./api            # relative to this file, as is ./program in entrypoint
    mycompany/*:
      mock: [--http, "8080"]       # played by `minikubelet mock`

Invariants: every problem of a file is collected and told with its line.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path

import yaml

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.runtime.image_catalog import BUILTIN
from minikubelet.runtime.image_reference import ImageNameError, ImagePattern, parse_image
from minikubelet.runtime.images import MOCK, CatalogEntry, ImageCatalog, ImageConfig

_FIELDS = ("entrypoint", "cmd", "env", "workingDir", "mock")


class ImagesFileError(Exception):
    """The problems of an images file, one per line, mostly `<file>:<line>: <what>`."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_catalog(path: Path | None, search_path: str = os.defpath) -> ImageCatalog:
    """The built-in catalog under the user's; `search_path` is the PATH that containers get.

    Raises ImagesFileError when the file cannot be read or is not right.
    """
    try:
        user = () if path is None else parse_images(path.read_text(encoding="utf-8"), path)
    except OSError as err:
        raise ImagesFileError((f"cannot read {path}: {err.strerror}",)) from err
    except UnicodeDecodeError as err:
        raise ImagesFileError((f"cannot read {path}: it is not UTF-8 text",)) from err
    return ImageCatalog(user, BUILTIN, search_path=search_path)


def parse_images(text: str, path: Path) -> tuple[CatalogEntry, ...]:
    """The entries of a file's text; `path` is named in problems, and relative paths begin at its
    directory.

    Raises ImagesFileError.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark
        line = 1 if mark is None else mark.line + 1
        raise ImagesFileError((f"{path}:{line}: {err.problem or 'not YAML'}",)) from err
    except yaml.YAMLError as err:
        raise ImagesFileError((f"{path}:1: {err}",)) from err
    if root is None:
        return ()
    reader = _Reader(path)
    entries = tuple(reader.entries(root))
    if reader.problems:
        raise ImagesFileError(tuple(reader.problems))
    return entries


class _Reader:
    """Walks the nodes of one file, which know their lines, and collects problems."""

    def __init__(self, path: Path) -> None:
        self.problems: list[str] = []
        self._path = path
        self._directory = path.absolute().parent

    def entries(self, root: yaml.Node) -> Iterator[CatalogEntry]:
        for key, value in self._items(root, "the file"):
            pattern = self._text(key, "an image")
            if pattern is None or not self._is_pattern(key, pattern):
                continue
            config = self._config(value, pattern)
            if config is not None:
                yield CatalogEntry(ImagePattern(pattern), config, str(self._path))

    def _is_pattern(self, node: yaml.Node, pattern: str) -> bool:
        if "*" not in pattern:
            try:
                parse_image(pattern)
            except ImageNameError:
                self._problem(node, f"{go_quote(pattern)} is not an image name")
                return False
        return True

    def _config(self, node: yaml.Node, pattern: str) -> ImageConfig | None:
        fields: dict[str, yaml.Node] = {}
        for key, value in self._items(node, f"image {go_quote(pattern)}"):
            name = self._text(key, "a field")
            if name in _FIELDS:
                fields[name] = value
            elif name is not None:
                near = difflib.get_close_matches(name, _FIELDS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_FIELDS)}"
                self._problem(key, f"unknown field {go_quote(name)}: {hint}")
        entrypoint = self._texts(fields.get("entrypoint"), "entrypoint")
        cmd = self._texts(fields.get("cmd"), "cmd")
        played = self._texts(fields.get("mock"), "mock")
        if "mock" in fields and ("entrypoint" in fields or "cmd" in fields):
            self._problem(fields["mock"], "mock stands in place of entrypoint and cmd")
        elif "mock" in fields:
            entrypoint, cmd = (MOCK,), played
        elif not {"entrypoint", "cmd"} & fields.keys() and isinstance(node, yaml.MappingNode):
            self._problem(node, f"image {go_quote(pattern)} needs entrypoint, cmd or mock")
        return ImageConfig(
            entrypoint=self._command(entrypoint),
            cmd=cmd if entrypoint else self._command(cmd),
            env=self._env(fields.get("env")),
            working_dir=self._working_dir(fields.get("workingDir")),
        )

    def _command(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        if argv and argv[0].startswith(("./", "../")):
            return (str((self._directory / argv[0]).resolve()), *argv[1:])
        return argv

    def _working_dir(self, node: yaml.Node | None) -> str:
        text = None if node is None else self._text(node, "workingDir")
        return str((self._directory / text).resolve()) if text else ""

    def _env(self, node: yaml.Node | None) -> dict[str, str]:
        env: dict[str, str] = {}
        if node is not None:
            for key, value in self._items(node, "env"):
                name = self._text(key, "a variable")
                text = self._text(value, f"variable {name}")
                if name is not None and text is not None:
                    env[name] = text
        return env

    def _items(self, node: yaml.Node, what: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._problem(node, f"{what} must be a mapping")
            return
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                self._problem(key, f"{go_quote(key.value)} is given twice")
                continue
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
            yield key, value

    def _texts(self, node: yaml.Node | None, what: str) -> tuple[str, ...]:
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self._problem(node, f'{what} must be a list, such as ["sh", "-c", "echo hello"]')
            return ()
        texts = (self._text(item, f"an item of {what}") for item in node.value)
        return tuple(text for text in texts if text is not None)

    def _text(self, node: yaml.Node, what: str) -> str | None:
        """Plain scalars count as they are written: `8080` and `yes` are texts here."""
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self._problem(node, f"{what} must be a text")
        return None

    def _problem(self, node: yaml.Node, text: str) -> None:
        self.problems.append(f"{self._path}:{node.start_mark.line + 1}: {text}")
