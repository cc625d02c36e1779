"""`--keep-logs DIR`: what the containers wrote, as files for people.

Role: copies logs out of the run's directory before it goes: one file per instance,
`DIR/<namespace>_<pod>/<container>/<restart>.log`, each line with its time in front.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable
from pathlib import Path

from minikubelet.check.redact import Redactor
from minikubelet.manifest.pod import Pod
from minikubelet.runtime.container_log import read_log
from minikubelet.runtime.layout import Layout


def keep_logs(pods: Iterable[Pod], layout: Layout, target: Path, redactor: Redactor) -> None:
    """Raises OSError. Parts that were rotated away come before what followed them."""
    for pod in pods:
        meta = pod.metadata
        source = layout.pod_log_dir(meta.namespace, meta.name, meta.uid)
        for container in pod.containers():
            directory = target / f"{meta.namespace}_{meta.name}" / container.name
            for log in sorted((source / container.name).glob("*.log")):
                directory.mkdir(parents=True, exist_ok=True)
                parts = [_plain(path) for path in sorted(log.parent.glob(f"{log.name}.*"))]
                with (directory / log.name).open("wb") as file:
                    for part in (*parts, log):
                        for piece in read_log(part, timestamps=True):
                            file.write(redactor.data(piece))


def _plain(rotated: Path) -> Path:
    """A rotated part that `read_log` can read: it lies in a directory that is removed soon."""
    if rotated.suffix != ".gz":
        return rotated
    plain = rotated.with_suffix(".plain")
    with gzip.open(rotated) as compressed, plain.open("wb") as file:
        shutil.copyfileobj(compressed, file)
    return plain
