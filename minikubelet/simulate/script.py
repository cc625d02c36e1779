"""The words in which applications are scripted.

    web: ready after 42s, hangs at 300s, answers in 900ms, ignores TERM
    db: exits at 3s with 1, then listens after 5s

Role: text → scripts by container name. Phrases are separated by commas; `then` begins the next
start, and the last one counts for all further starts. Times are those since the container's start.
Invariants: pure; a mistake is told with its place and, where there is one, a near word.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import replace

from minikubelet.durations import duration
from minikubelet.manifest.suggest import nearest_name
from minikubelet.simulate.app import App, Script
from minikubelet.value_class import dataclass

PHRASES = """\
ready after D              readiness and startup probes fail until then (HTTP 503)
listens after D            connections are refused until then
fails at D [for D]         answers HTTP 500 from then on, or for so long
fails P%                   so many answers fail, at random
flaps K/N                  of each N answers the last K fail
hangs at D                 takes requests and never answers
answers in D | D..D        how long an answer takes; between two times, at random
exits at D [with CODE]     ends by itself (exit code 0)
runs out of memory at D    is killed by the kernel: OOMKilled
ignores TERM               goes on until it is killed
stops in D [with CODE]     takes so long to stop after TERM (exit code 0)
hooks take D               what each postStart and preStop hook takes
then …                     what the next start does, for those that follow too"""

_WORD = re.compile(r"[^\s,]+|,")
_UNITS = frozenset({"h", "m", "s", "ms"})
_WHEN = ("at", "after")


class ScriptError(ValueError):
    """A script that cannot be read. `column` counts from 1 in `text`."""

    def __init__(self, message: str, text: str, column: int, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.column = column
        self.fix = fix


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    column: int


def split_name(text: str) -> tuple[str, str, int]:
    """The container that a `name: script` is about, the script, and how many characters stand
    before it; without a name the first is empty."""
    name, colon, script = text.partition(":")
    if not colon:
        return "", text, 0
    return name.strip(), script, len(name) + 1


def parse_script(text: str, *, begin: int = 0) -> Script:
    """Read `text[begin:]`. Raises ScriptError, whose places are those in `text`."""
    reader = _Reader(text, begin)
    apps = [reader.app()]
    while reader.more():
        apps.append(reader.app())
    return Script(tuple(apps))


class _Reader:
    """Goes through the words of one script."""

    def __init__(self, text: str, begin: int) -> None:
        self._text = text
        self._words = [_Word(m.group(), m.start() + 1) for m in _WORD.finditer(text, begin)]
        self._next = 0

    def more(self) -> bool:
        return self._next < len(self._words)

    def app(self) -> App:
        """The phrases of one start: up to `then`, which is taken, or to the end."""
        app, seen = App(), set[str]()
        while True:
            word = self._take('a phrase such as "ready after 5s"')
            phrase = _PHRASE_READERS.get(word.text)
            if phrase is None:
                raise self._unknown(word)
            if word.text in seen:
                raise self._error(f'"{word.text}" is said twice', word)
            seen.add(word.text)
            app = phrase(self, app)
            if not self.more():
                return app
            separator = self._take("a comma")
            if separator.text == "," and self._peek() == "then":
                separator = self._take("then")
            if separator.text == "then":
                return app
            if separator.text != ",":
                fix = "put a comma between phrases"
                raise self._error(f'"{separator.text}" is too much here', separator, fix)

    # --- phrases

    def ready(self, app: App) -> App:
        return _with_health(app, ready_after=self._time())

    def listens(self, app: App) -> App:
        return _with_health(app, listen_after=self._time())

    def hangs(self, app: App) -> App:
        return _with_health(app, hang_after=self._time())

    def fails(self, app: App) -> App:
        if self._peek() not in _WHEN:
            return replace(app, failing_share=self._percentage())
        app = _with_health(app, fail_after=self._time())
        if self._accept("for"):
            app = _with_health(app, fail_for=self._duration())
        return app

    def flaps(self, app: App) -> App:
        word = self._take("K/N, such as 3/10")
        failures, _, of = word.text.partition("/")
        if not (failures.isdecimal() and of.isdecimal() and int(failures) <= int(of) > 0):
            raise self._error(f'"{word.text}" is not K/N, such as 3/10', word)
        return _with_health(app, flap=(int(failures), int(of)))

    def answers(self, app: App) -> App:
        self._expect("in")
        word = self._words[self._next] if self.more() else None
        if word is not None and ".." in word.text:
            self._next += 1
            low, _, high = word.text.partition("..")
            fastest, slowest = self._seconds(low, word), self._seconds(high, word)
            if fastest > slowest:
                raise self._error(f'"{word.text}": the shorter time comes first', word)
            return replace(_with_health(app, slow=fastest), slowest=slowest)
        return _with_health(app, slow=self._duration())

    def exits(self, app: App) -> App:
        seconds = self._time()
        code = self._exit_code() if self._accept("with") else 0
        return replace(app, exit_after=seconds, exit_code=code)

    def runs_out_of_memory(self, app: App) -> App:
        for word in ("out", "of", "memory"):
            self._expect(word)
        return replace(app, exit_after=self._time(), oom=True)

    def ignores(self, app: App) -> App:
        self._expect("TERM")
        return replace(app, term_seconds=None)

    def stops(self, app: App) -> App:
        self._expect("in")
        seconds = self._duration()
        code = self._exit_code() if self._accept("with") else 0
        return replace(app, term_seconds=seconds, term_code=code)

    def hooks(self, app: App) -> App:
        self._expect("take")
        return replace(app, hook_seconds=self._duration())

    # --- words

    def _peek(self) -> str:
        return self._words[self._next].text if self.more() else ""

    def _accept(self, word: str) -> bool:
        if self._peek() != word:
            return False
        self._next += 1
        return True

    def _take(self, wanted: str) -> _Word:
        if not self.more():
            raise ScriptError(f"{wanted} is missing", self._text, len(self._text.rstrip()) + 1)
        self._next += 1
        return self._words[self._next - 1]

    def _expect(self, *words: str) -> None:
        wanted = " or ".join(f'"{word}"' for word in words)
        word = self._take(wanted)
        if word.text not in words:
            raise self._error(f'{wanted} is wanted here, not "{word.text}"', word)

    def _time(self) -> float:
        self._expect(*_WHEN)
        return self._duration()

    def _duration(self) -> float:
        word = self._take("a duration such as 10s")
        text = word.text
        if self._peek() in _UNITS and text.replace(".", "", 1).isdecimal():
            text += self._take("a unit").text
        return self._seconds(text, word)

    def _seconds(self, text: str, word: _Word) -> float:
        try:
            return duration(text)
        except argparse.ArgumentTypeError:
            message = f'"{text}" is not a duration'
            raise self._error(message, word, "write 10s, 1m30s, 500ms or 10") from None

    def _percentage(self) -> float:
        word = self._take('"at", "after" or a percentage')
        number = word.text.removesuffix("%")
        if number == word.text or not number.replace(".", "", 1).isdecimal() or float(number) > 100:
            fix = "write fails at 30s, or fails 5%"
            raise self._error(f'"{word.text}" is neither a time nor a percentage', word, fix)
        return float(number) / 100

    def _exit_code(self) -> int:
        word = self._take("an exit code")
        if not (word.text.isdecimal() and int(word.text) <= 255):
            raise self._error(f'"{word.text}" is not an exit code from 0 to 255', word)
        return int(word.text)

    def _unknown(self, word: _Word) -> ScriptError:
        near = nearest_name(word.text, _PHRASE_READERS)
        known = ", ".join(_PHRASE_READERS)
        fix = f'did you mean "{near}"?' if near else f"phrases begin with {known}"
        return self._error(f'no phrase begins with "{word.text}"', word, fix)

    def _error(self, message: str, word: _Word, fix: str = "") -> ScriptError:
        return ScriptError(message, self._text, word.column, fix)


_PHRASE_READERS: dict[str, Callable[[_Reader, App], App]] = {
    "ready": _Reader.ready,
    "listens": _Reader.listens,
    "fails": _Reader.fails,
    "flaps": _Reader.flaps,
    "hangs": _Reader.hangs,
    "answers": _Reader.answers,
    "exits": _Reader.exits,
    "runs": _Reader.runs_out_of_memory,
    "ignores": _Reader.ignores,
    "stops": _Reader.stops,
    "hooks": _Reader.hooks,
}


def _with_health(app: App, **changes: object) -> App:
    return replace(app, health=replace(app.health, **changes))  # type: ignore[arg-type]
