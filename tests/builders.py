"""Values for tests that state what matters and hide the rest."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minikubelet.runtime.launch import LaunchSpec

_numbers = itertools.count()


def a_launch_spec(directory: Path, argv: Sequence[str], **members: Any) -> LaunchSpec:
    """One instance below `directory`; its own directories are made. `members` replace any default.

    `env` is added to the default one, which has PATH and the name of the termination log.
    """
    hex_digits = secrets.token_hex(32)
    instance = directory / f"i{next(_numbers)}-{hex_digits[:16]}"
    work = instance / "work"
    work.mkdir(parents=True)
    termination_log = instance / "termination-log"
    termination_log.touch(0o666)
    environment = {
        "PATH": os.environ["PATH"],
        "MINIKUBELET_TERMINATION_LOG": str(termination_log),
        **members.pop("env", {}),
    }
    defaults: dict[str, Any] = {
        "container_id": f"process://{hex_digits}",
        "instance_dir": str(instance),
        "socket_path": str(instance / "s"),
        "pod_name": "web",
        "pod_namespace": "default",
        "pod_uid": "uid-1",
        "container_name": "app",
        "restart_count": 0,
        "cwd": str(work),
        "log_path": str(instance / "log" / "0.log"),
        "termination_log": str(termination_log),
    }
    return LaunchSpec(argv=tuple(argv), env=environment, **{**defaults, **members})
