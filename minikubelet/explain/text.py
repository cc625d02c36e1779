"""An explanation for people: from its JSON object to lines of text.

Role: the layout of `why`. Reads the JSON of the API, so that the command that prints it needs
nothing else. Pure; `local` says how a time is shown.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime

from minikubelet.manifest.json_tree import Json

Local = Callable[[datetime], datetime]
"""A time to the same time in the reader's zone."""

_WIDTH = 100
_DATED = "%Y-%m-%d %H:%M:%S"
_MOMENT = re.compile(r"\b(until|since|deleted at) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")
"""A time in a text of ours; others are what a program has said. What is to come comes soon, and
needs no date."""


def explanation_lines(document: Json, local: Local) -> Iterator[str]:
    pod = document["pod"]
    text = f"{pod['namespace']}/{pod['name']}: {document['text']}"
    yield from _wrapped(text, "", "  ", local)
    for link in document["facts"]:
        moment = _time(link["at"], local)
        yield from _wrapped(f"{moment:{_DATED}}  {link['text']}", "  ", " " * 23, local)
    for container in document["containers"]:
        yield ""
        yield from _container(container, local)
    if document["since"]:
        yield ""
        yield f"(known since {_time(document['since'], local):{_DATED}})"


def _container(container: Json, local: Local) -> Iterator[str]:
    text = f"{container['kind']} {container['name']}: {container['text']}"
    yield from _wrapped(text, "", "  ", local)
    yield from _chain(container["chain"], "  ", local)
    yield from _log(container["log"], "  ")
    for end in container["ends"]:
        yield ""
        at = _time(end["at"], local)
        number = end["restart"]
        title = f"restart {number}" if number is not None else "end"
        yield f"  {title} at {at:{_DATED}}: {end['cause']}"
        yield from _wrapped(end["text"], "    ", "    ", local)
        yield from _chain(end["chain"], "    ", local)
        yield from _log(end["log"], "    ")
    hidden = container["endsKnown"] - len(container["ends"])
    if hidden > 0:
        yield ""
        yield f"  … and {hidden} earlier (--restart N shows one)"


def _chain(links: list[Json], indent: str, local: Local) -> Iterator[str]:
    for link in links:
        moment = _time(link["at"], local)
        clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
        yield from _wrapped(f"{clock}  {link['text']}", indent, indent + " " * 14, local)


def _log(lines: list[str], indent: str) -> Iterator[str]:
    if lines:
        yield f"{indent}last lines of its log:"
        yield from (f"{indent}| {line}" for line in lines)


def _wrapped(text: str, first: str, rest: str, local: Local) -> list[str]:
    def moment(match: re.Match[str]) -> str:
        form = "%H:%M:%S" if match[1] == "until" else _DATED
        return f"{match[1]} {_time(match[2], local):{form}}"

    shown = _MOMENT.sub(moment, text)
    return textwrap.wrap(
        shown,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _time(text: str, local: Local) -> datetime:
    return local(datetime.fromisoformat(text))
