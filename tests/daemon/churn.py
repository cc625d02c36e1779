"""Pods that are never quiet, and what they write down about themselves.

Each start of a container notes `start <n>` in a file of its own and takes a lock that only one
instance at a time can hold; each line that it prints carries a checksum and stands in that file as
well. So whatever a daemon claims can be held against what happened.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = """
import fcntl, os, signal, sys, time, zlib
directory, kind, code = sys.argv[1:4]
truth = open(f"{directory}/truth", "a", buffering=1)
lock = open(f"{directory}/lock", "a")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    print("second copy", file=truth)
    sys.exit(99)
print("start", file=truth)
def end(code):
    print(f"end {code}", file=truth)
    os._exit(code)
signal.signal(signal.SIGTERM, lambda *_: end(int(code)))
life = {"steady": 1e9, "crashing": 0.3, "leaving": 4.0, "deleted": 1e9}[kind]
began, n = time.monotonic(), 0
while time.monotonic() - began < life:
    n += 1
    text = f"{kind} {os.getpid()} {n}"
    line = f"{text} {zlib.adler32(text.encode())}"
    print(line, file=truth)
    print(line, flush=True)
    time.sleep(0.02)
end(int(code))
"""


@dataclass(frozen=True, slots=True)
class Churning:
    """One Pod of the crowd; `kind` is how its container lives."""

    name: str
    kind: str
    code: int
    directory: Path

    def manifest(self, python: str) -> dict[str, Any]:
        container: dict[str, Any] = {
            "name": "app",
            "image": "busybox",
            "command": [python, "-c", PROGRAM, str(self.directory), self.kind, str(self.code)],
        }
        if self.kind == "steady":
            container["readinessProbe"] = {
                "exec": {"command": ["true"]},
                "periodSeconds": 1,
                "initialDelaySeconds": 1,
            }
        if self.kind == "deleted":
            hook = f"echo hook >> {self.directory}/truth; sleep 1.5"
            container["lifecycle"] = {"preStop": {"exec": {"command": ["sh", "-c", hook]}}}
        policy = {"leaving": "Never"}.get(self.kind, "Always")
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name},
            "spec": {
                "restartPolicy": policy,
                "terminationGracePeriodSeconds": 20,
                "containers": [container],
            },
        }

    def truth(self) -> list[str]:
        path = self.directory / "truth"
        return path.read_text().splitlines() if path.exists() else []

    def starts(self) -> int:
        return self.truth().count("start")

    def printed(self) -> list[list[str]]:
        """The lines of each instance."""
        instances: list[list[str]] = []
        for line in self.truth():
            if line == "start":
                instances.append([])
            elif line.startswith(self.kind):
                instances[-1].append(line)
        return instances


def is_whole(line: str) -> bool:
    text, _, checksum = line.rpartition(" ")
    return checksum.isdigit() and int(checksum) == zlib.adler32(text.encode())
