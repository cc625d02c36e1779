"""`minikubelet images`: which local command stands for an image.

Role: the catalogs as a table or as JSON, and which entry counts for one image.

With `-o json` a list is printed, in the order in which entries are tried:

    [{"image": "nginx", "command": ["nginx", "-g", "daemon off;"], "program": "/usr/sbin/nginx",
      "source": "built-in catalog"}]

`program` is `built in` where the mock server plays the image, and null where the program is not to
be found here.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from minikubelet.runtime.image_reference import ImageNameError, parse_image
from minikubelet.runtime.images import MOCK, CatalogEntry, ImageCatalog
from minikubelet.runtime.images_file import ImagesFileError, load_catalog
from minikubelet.value_class import dataclass

GOOD = 0
UNKNOWN = 1
USAGE = 2

_BUILT_IN = "built in"
_MISSING = "not found"

_EPILOG = """\
examples:
  minikubelet images                            what the built-in catalog knows
  minikubelet images nginx:1.27                 what would be run for this image
  minikubelet images --images images.yaml       with your own catalog, which counts first

Nothing is pulled: a container runs the command of its manifest, else that of the image's entry in
your catalog, else in the built-in one. As in Docker, the manifest's args replace cmd. images.yaml:

  mycompany/api:                   # any tag; mycompany/api:v1 is only that one, mycompany/* are all
    entrypoint: [python3, -m, api]
    cmd: [--port, "8080"]
    env: {LOG_LEVEL: debug}
    workingDir: ./api              # relative to the file, as ./program is in entrypoint
  mycompany/db:
    mock: [--tcp, "5432"]          # played by the mock server, see `minikubelet mock --help`

Exit code: 0; 1 when an IMAGE that was asked for is not known; 2 when the file is not right."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry, or one image that was asked for."""

    image: str
    command: tuple[str, ...]
    program: str | None
    source: str


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "images",
        help="show which local command stands for an image",
        description="Show which local command stands for an image.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("image", nargs="*", metavar="IMAGE", help="only what counts for this image")
    parser.add_argument("--images", metavar="FILE", help="your image catalog")
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="how to tell (text)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the table; the answer is the exit code."""
    try:
        file = Path(args.images) if args.images else None
        catalog = load_catalog(file, os.environ.get("PATH", os.defpath))
        asked = [(image, catalog.find(parse_image(image))) for image in args.image]
    except (ImagesFileError, ImageNameError) as err:
        return _usage(str(err))
    rows = [describe(image, entry, catalog) for image, entry in asked if entry is not None]
    unknown = [image for image, entry in asked if entry is None]
    if not asked:
        rows = [describe(entry.pattern.text, entry, catalog) for entry in catalog.entries()]
    if args.output == "json":
        print(json.dumps([_to_json(row) for row in rows], ensure_ascii=False, indent=2))
    elif rows:
        print("\n".join(table(rows)))
    for image in unknown:
        print(f"error: no catalog knows image {image}", file=sys.stderr)
    return UNKNOWN if unknown else GOOD


def describe(image: str, entry: CatalogEntry, catalog: ImageCatalog) -> Row:
    """What is run for an image when the manifest gives neither command nor args."""
    argv = catalog.play(entry.config, (*entry.config.entrypoint, *entry.config.cmd))
    if argv[:1] == (MOCK,):
        return Row(image, ("minikubelet", "mock", *argv[1:]), _BUILT_IN, entry.source)
    return Row(image, argv, catalog.program(argv[0]) if argv else None, entry.source)


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of a plain table."""
    cells = [
        ("IMAGE", "COMMAND", "PROGRAM", "SOURCE"),
        *(
            (row.image, shlex.join(row.command), row.program or _MISSING, row.source)
            for row in rows
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [_line(row, widths) for row in cells]


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "   ".join(padded).rstrip()


def _to_json(row: Row) -> dict[str, Any]:
    return {
        "image": row.image,
        "command": list(row.command),
        "program": row.program,
        "source": row.source,
    }


def _usage(text: str) -> int:
    for line in text.splitlines():
        print(f"error: {line}", file=sys.stderr)
    return USAGE
