"""Where the daemon keeps its things when nothing else is said (design, section 4).

Role: the same answer for the daemon and for the commands that look for it.
Invariants: paths only, nothing is made; no heavy imports.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from minikubelet.value_class import dataclass

APP = "minikubelet"


@dataclass(frozen=True, slots=True)
class DefaultPaths:
    config_dir: Path
    """`config.yaml`, `images.yaml` and `manifests/`, each optional."""
    state_dir: Path
    log_dir: Path
    """One directory per Pod."""
    runtime_dir: Path
    """Sockets of the shims."""

    @property
    def config_file(self) -> Path:
        return self.config_dir / "config.yaml"

    @property
    def images_file(self) -> Path:
        return self.config_dir / "images.yaml"

    @property
    def manifest_dir(self) -> Path:
        return self.config_dir / "manifests"


def default_paths(
    environ: Mapping[str, str] | None = None, *, root: bool | None = None
) -> DefaultPaths:
    """Of the system for root, of the user (XDG) for everybody else."""
    environ = os.environ if environ is None else environ
    if os.geteuid() == 0 if root is None else root:
        return DefaultPaths(
            config_dir=Path("/etc") / APP,
            state_dir=Path("/var/lib") / APP,
            log_dir=Path("/var/log") / APP / "pods",
            runtime_dir=Path("/run") / APP,
        )
    home = _home(environ)
    state = (_base(environ, "XDG_STATE_HOME") or home / ".local" / "state") / APP
    config = (_base(environ, "XDG_CONFIG_HOME") or home / ".config") / APP
    runtime = _base(environ, "XDG_RUNTIME_DIR")
    return DefaultPaths(
        config_dir=config,
        state_dir=state,
        log_dir=state / "log" / "pods",
        # Without a session there is none; the state directory is private as well.
        runtime_dir=runtime / APP if runtime else state / "run",
    )


def _home(environ: Mapping[str, str]) -> Path:
    try:
        return Path(environ.get("HOME") or "~").expanduser()
    except RuntimeError:  # a user that the system does not know, as in many containers of CI
        return Path("/")


def kubeconfig_path(state_dir: Path) -> Path:
    """What the daemon writes at start for `kubectl` and for our own commands."""
    return state_dir / "kubeconfig"


def _base(environ: Mapping[str, str], variable: str) -> Path | None:
    """A base directory; the XDG specification has relative ones ignored."""
    given = environ.get(variable, "")
    return Path(given) if given.startswith("/") else None
