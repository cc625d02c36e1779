"""`minikubelet run` for people: log lines and what happens between them, and a table at the end.

    app │ listening on :8080
    app ●   0.0s  started (pid 4711)
    app ▲  12.1s  Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500 (1 of 3)

Role: renders; what is told is decided in `narration.py`. The time is that since the run began.
Invariants: one line per item; what a container writes cannot disturb the terminal; where the
output is not a terminal, its bytes are kept as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from minikubelet.cli import colors
from minikubelet.cli.line_writer import LineWriter
from minikubelet.cli.narration import Narrator, Sentence, Tone
from minikubelet.cli.output import AfterLogs, PodSummary
from minikubelet.cli.summary_table import summary_lines
from minikubelet.events import Event
from minikubelet.journal import PodRef, Record
from minikubelet.runtime.container_log import LogEntry

_MARKS = {
    Tone.PLAIN: ("●", colors.DIM, colors.DIM),
    Tone.GOOD: ("●", colors.GREEN, ""),
    Tone.WARNING: ("▲", colors.YELLOW, colors.YELLOW),
}
"""The mark, its color, and the color of the text after it."""


class Labels:
    """The first column: short, unambiguous, and as wide for all."""

    def __init__(self, containers: Sequence[tuple[PodRef, str]], *, color: bool) -> None:
        pods = dict.fromkeys(pod for pod, _ in containers)
        names = Counter(pod.name for pod in pods)
        self._single = next(iter(pods)) if len(pods) == 1 else None
        self._with_namespace = {pod for pod in pods if names[pod.name] > 1}
        self._order = {key: index for index, key in enumerate(dict.fromkeys(containers))}
        self._color = color
        texts = [self._text(pod, name) for pod, name in self._order]
        texts += [self._text(pod, "") for pod in pods]
        self.width = max(map(len, texts), default=0)

    def label(self, pod: PodRef, container: str = "") -> str:
        """`app`, or `web/app` where there are several pods, and for one that came in through the
        API; the pod's own label without a container."""
        text = f"{self._text(pod, container):<{self.width}}"
        index = self._order.get((pod, container))
        if not self._color or index is None:
            return text
        return f"{colors.container_color(index)}{text}{colors.RESET}"

    def _text(self, pod: PodRef, container: str) -> str:
        if pod == self._single:
            return container or "pod"
        name = str(pod) if pod in self._with_namespace else pod.name
        return f"{name}/{container}" if container else name


class TextOutput:
    """A `RunOutput`. `containers` are those of the run, in the order of their colors."""

    def __init__(
        self,
        fd: int,
        containers: Sequence[tuple[PodRef, str]],
        *,
        now: Callable[[], datetime],
        is_terminal: bool,
        color: bool,
        on_broken: Callable[[OSError], None] = lambda error: None,
    ) -> None:
        self._writer = LineWriter(fd, self._left_out, on_broken)
        self._labels = Labels(containers, color=color)
        self._now = now
        self._began = now()
        self._is_terminal = is_terminal
        self._color = color
        self._narrator = Narrator()

    def speak_through(self, after_logs: AfterLogs) -> None:
        self._writer.speak_through(after_logs)

    def event(self, event: Event) -> None:
        self._tell(self._narrator.event(event))

    def record(self, record: Record) -> None:
        self._tell(self._narrator.record(record))

    def log_lines(self, pod: PodRef, container: str, entries: Sequence[LogEntry]) -> None:
        head = f"{self._labels.label(pod, container)} │ ".encode()
        if self._is_terminal:
            texts = [
                colors.printable(entry.text.decode(errors="replace")).encode() for entry in entries
            ]
        else:
            texts = [entry.text for entry in entries]
        self._writer.write(b"".join(b"%s%s\n" % (head, text) for text in texts))

    def log_lost(self, pod: PodRef, container: str) -> None:
        text = "log lines were rotated away before they could be shown"
        self._writer.write(self._line(Sentence(self._now(), pod, container, text, Tone.WARNING)))

    def notice(self, text: str, *, warning: bool = False) -> None:
        tone = Tone.WARNING if warning else Tone.PLAIN
        self._writer.post(self._rendered(" " * self._labels.width, self._now(), text, tone))

    def summary(self, pods: Sequence[PodSummary], verdict: str) -> None:
        lines = summary_lines(pods)
        if self._is_terminal:
            lines = [colors.printable(line) for line in lines]
        ran = elapsed((self._now() - self._began).total_seconds())
        if self._color:
            lines = [colors.BOLD + lines[0] + colors.RESET, *lines[1:]]
            verdict = colors.BOLD + verdict + colors.RESET
        lines = ["", *lines, "", f"{verdict} after {ran}"]
        self._writer.post("".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        self._writer.close()

    def _tell(self, sentences: Sequence[Sentence]) -> None:
        for sentence in sentences:
            self._writer.post(self._line(sentence))

    def _line(self, sentence: Sentence) -> bytes:
        label = self._labels.label(sentence.pod, sentence.container)
        return self._rendered(label, sentence.at, sentence.text, sentence.tone)

    def _rendered(self, label: str, at: datetime, text: str, tone: Tone) -> bytes:
        mark, mark_color, text_color = _MARKS[tone]
        if self._is_terminal:
            text = colors.printable(text)
        time = f"{elapsed((at - self._began).total_seconds()):>7}"
        if self._color:
            mark = f"{mark_color}{mark}{colors.RESET}"
            time = f"{colors.DIM}{time}{colors.RESET}"
            if text_color:
                text = f"{text_color}{text}{colors.RESET}"
        return f"{label} {mark} {time}  {text}\n".encode(errors="backslashreplace")

    def _left_out(self, lines: int) -> bytes:
        text = f"{lines} lines are left out here: nobody was reading"
        return self._rendered(" " * self._labels.width, self._now(), text, Tone.WARNING)


def elapsed(seconds: float) -> str:
    """Time since the begin, in at most seven columns up to 100 hours."""
    tenths = max(0, round(seconds * 10))
    if tenths < 600:
        return f"{tenths / 10:.1f}s"
    minutes, whole = divmod(tenths // 10, 60)
    if minutes < 60:
        return f"{minutes}m{whole:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"
