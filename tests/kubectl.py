"""The real kubectl, in every version that the machine has.

Found through `MINIKUBELET_TEST_KUBECTL` (a file, or a folder that holds several), else on PATH and
beside what `kubectl` links to. Tests skip with a clear reason where there is none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

VARIABLE = "MINIKUBELET_TEST_KUBECTL"
EVERY = "MINIKUBELET_TEST_EVERY_KUBECTL"
MISSING = f"no kubectl was found: put one on PATH, or name it in {VARIABLE}"
_VERSIONED = re.compile(r"kubectl\.1\.(\d+)")


@dataclass(frozen=True, slots=True)
class Kubectl:
    """One version of it, and the cluster that it talks to."""

    path: Path
    kubeconfig: Path
    cache_dir: Path
    """Discovery is cached for hours per host and port: each test server needs a cache of its own
    (K-13)."""
    env: Mapping[str, str]

    def __call__(
        self, *args: str, stdin: str | bytes = b"", timeout: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        ran = subprocess.run(
            self.command(*args),
            input=data,
            capture_output=True,
            timeout=timeout,
            env=dict(self.env),
        )
        return subprocess.CompletedProcess(
            ran.args, ran.returncode, ran.stdout.decode(), ran.stderr.decode()
        )

    def ok(self, *args: str, stdin: str | bytes = b"", timeout: float = 30.0) -> str:
        """Its standard output; anything but success is told with both outputs."""
        ran = self(*args, stdin=stdin, timeout=timeout)
        assert ran.returncode == 0, (
            f"kubectl {' '.join(args)}: exit {ran.returncode}\n{ran.stdout}{ran.stderr}"
        )
        return ran.stdout

    def command(self, *args: str) -> list[str]:
        return [
            str(self.path),
            f"--kubeconfig={self.kubeconfig}",
            f"--cache-dir={self.cache_dir}",
            *args,
        ]


@cache
def kubectls() -> Mapping[str, Path]:
    """By version (`1.27`), oldest first; empty where there is none."""
    found = {minor: path for path in _candidates() for minor in _minor(path)}
    return {f"1.{minor}": found[minor] for minor in sorted(found)}


def newest_kubectl() -> Path | None:
    return next(reversed([*kubectls().values()]), None)


def versions_under_test() -> list[str]:
    """The oldest and the newest; all of them with `MINIKUBELET_TEST_EVERY_KUBECTL`, as in CI."""
    versions = list(kubectls())
    return versions if os.environ.get(EVERY) else versions[:1] + versions[1:][-1:]


def each_kubectl() -> list[object]:
    """Parameters for `parametrize`: every version under test, or one that skips."""
    versions = versions_under_test()
    if not versions:
        return [pytest.param("", marks=[pytest.mark.skip(reason=MISSING), pytest.mark.kubectl])]
    return [pytest.param(version, marks=pytest.mark.kubectl) for version in versions]


def oldest_and_newest() -> list[object]:
    every = each_kubectl()
    return [every[0], every[-1]] if len(every) > 1 else every


def kubectl_for(version: str, kubeconfig: Path, cache_dir: Path, **env: str) -> Kubectl:
    """Nothing of the caller's own kubectl settings reaches it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    home = {"HOME": str(cache_dir), "KUBECTL_KUBERC": "false"}
    return Kubectl(kubectls()[version], kubeconfig, cache_dir, {**kept, **home, **env})


def _candidates() -> Iterator[Path]:
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named)
        yield from sorted(path.glob("kubectl*")) if path.is_dir() else (path,)
        return
    on_path = shutil.which("kubectl")
    if on_path is not None:
        beside = Path(on_path).resolve().parent
        several = sorted(beside.glob("kubectl.1.*"))
        yield from several or (Path(on_path),)


def _minor(path: Path) -> Iterator[int]:
    """Its minor version; nothing when it is not kubectl."""
    if match := _VERSIONED.fullmatch(path.name):
        yield int(match[1])
        return
    try:
        ran = subprocess.run(
            [str(path), "version", "--client"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if match := re.search(r"v1\.(\d+)\.", ran.stdout):
        yield int(match[1])
