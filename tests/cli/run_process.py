"""`minikubelet run -o json` as a child process, read as facts."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

PATIENCE_SECONDS = 30.0

Fact = dict[str, Any]


class RunProcess:
    """The program, and what it has told so far."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minikubelet", "run", *arguments, "-o", "json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        self.facts: list[Fact] = []
        self._queue: queue.SimpleQueue[Fact | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(json.loads(line))
        self._queue.put(None)

    def wait_for(self, wanted: Callable[[Fact], bool]) -> Fact:
        """The next fact, or one told before, that is `wanted`."""
        for fact in self.facts:
            if wanted(fact):
                return fact
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            told = self._queue.get(timeout=max(0.01, deadline - time.monotonic()))
            assert told is not None, f"ended without it; told: {self.facts[-20:]}"
            self.facts.append(told)
            if wanted(told):
                return told

    def wait_for_log(self, text: str) -> Fact:
        return self.wait_for(lambda fact: fact["type"] == "log" and text in fact["text"])

    def wait_for_record(self, record: str, **members: object) -> Fact:
        def matches(fact: Fact) -> bool:
            if fact["type"] != "record" or fact["record"] != record:
                return False
            data = {**fact, **fact["data"]}
            return all(data.get(name) == value for name, value in members.items())

        return self.wait_for(matches)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait until it has ended; the exit code. All that it told is in `facts` then."""
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        self._reader.join()
        while (fact := self._queue.get()) is not None:
            self.facts.append(fact)
        return code

    def logs(self, container: str | None = None) -> list[str]:
        return [
            fact["text"]
            for fact in self.facts
            if fact["type"] == "log" and container in (None, fact["container"])
        ]

    def stderr(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def summary(self) -> Fact:
        (summary,) = [fact for fact in self.facts if fact["type"] == "summary"]
        return summary


@contextmanager
def running(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[RunProcess]:
    run = RunProcess(arguments, environment)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait()
        run._reader.join()
        for stream in (run.process.stdout, run.process.stderr):
            if stream is not None:
                stream.close()


def a_container(name: str, script: str, **fields: object) -> dict[str, Any]:
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **fields}


def a_pod(name: str, *containers: dict[str, Any], **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": list(containers), **spec},
    }


def write(path: Path, *documents: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)
