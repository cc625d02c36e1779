"""What of a pod's worker outlives the daemon.

Role: the values that are written when they change, and read by the next daemon. Beside them lie the
records of the shims (`launch.json`, `start.json`, `exit.json` of each instance): those tell what
became of the processes, this tells what the worker thought and had decided.
Invariants: a record is one consistent moment of the worker. Of an instance it is written before its
shim is started, so an instance that it does not name never ran. Monotonic times are of the boot
`boot_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.node.stop_request import StopRequest
from minikubelet.pod.observed import ContainerRun, StartFailure, Verdict
from minikubelet.pod.pod_status import PodStatus
from minikubelet.pod.restarts import BackOffEntry
from minikubelet.value_class import dataclass

FORMAT = 1


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    kind: ProbeKind
    container_id: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class KeptBackOff:
    """`key`: the image and resources that the entry belongs to (L-168, L-173)."""

    key: str
    entry: BackOffEntry


@dataclass(frozen=True, slots=True)
class HookNote:
    """How far a hook has come: begun, and perhaps ended, with a message when it failed."""

    began: float
    ended: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class CreatedNote:
    """What is to be told of a new instance once it is known that there is one."""

    argv: tuple[str, ...]
    command_source: str


@dataclass(frozen=True, slots=True)
class KeptStop:
    """The stop of one instance that is under way. Its grace period counts from `began`."""

    container_id: str
    cause: KillCause
    message: str
    grace_period_seconds: float
    began: float
    wait_for: tuple[str, ...] = ()
    run_pre_stop: bool = True
    at_once: bool = False
    pre_stop: HookNote | None = None
    signaled: bool = False
    """The shim was told; its deadline runs there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRecord:
    uid: str
    boot_id: str = ""
    accepted: bool = False
    began: float | None = None
    """When the pod was first seen; its deadline counts from there (L-251)."""
    status: PodStatus | None = None
    """As published last."""
    status_told: bool = True
    """Whether the journal knows of it; it is told right after the status is kept."""
    runs: tuple[ContainerRun, ...] = ()
    """Newest first within each container."""
    created: Mapping[str, CreatedNote] = field(default_factory=dict)
    """By container id: those whose start is under way."""
    environment_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By container id: the variables that come from the manifest (B-22); values are in the launch
    file."""
    verdicts: tuple[KeptVerdict, ...] = ()
    start_failures: Mapping[str, StartFailure] = field(default_factory=dict)
    back_off: Mapping[str, KeptBackOff] = field(default_factory=dict)
    before_attempts: Mapping[str, KeptBackOff | None] = field(default_factory=dict)
    """By container: the entry before the start that is under way; it counts again if that start
    came to nothing."""
    pulls: Mapping[str, BackOffEntry] = field(default_factory=dict)
    restart_counts: Mapping[str, int] = field(default_factory=dict)
    """Of containers whose instances were forgotten (L-166)."""
    holds_told: tuple[str, ...] = ()
    """Container ids whose back-off was told of."""
    post_start: Mapping[str, HookNote] = field(default_factory=dict)
    """By container id."""
    stops: tuple[KeptStop, ...] = ()
    stop_request: StopRequest | None = None
    stop_asked: float = 0.0
    """When the stop of the whole pod began."""
    sandbox_ready: bool = True
    terminated: bool = False
    finished: bool = False
