"""Decide what a pod needs next.

Role: compare the desired pod with the observed one and say what to do; do nothing.
Invariants: same arguments, same answer; at most one action per container.
Upstream: kubernetes pkg/kubelet/kuberuntime, computePodActions. Differs: there is no sandbox, and a restart in back-off
names the exact moment of its end, where upstream looks again at jittered intervals (L-171).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from minikubelet.journal import KillCause
from minikubelet.manifest.pod import Pod
from minikubelet.pod.observed import ObservedPod
from minikubelet.pod.restarts import BackOffEntry


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Start it now; the next action waits until its postStart hook has returned (L-102)."""

    name: str


@dataclass(frozen=True, slots=True)
class HoldContainer:
    """In crash-loop back-off: `delay_seconds` counted from the exit, over at `until` (monotonic)."""

    name: str
    delay_seconds: float
    until: float


@dataclass(frozen=True, slots=True)
class KillContainer:
    """Stop one running container: `message` is the text of its Killing event."""

    name: str
    container_id: str
    cause: KillCause
    message: str
    grace_period_seconds: float


@dataclass(frozen=True, slots=True)
class KillPod:
    """Stop everything that runs, sidecars last in reverse order (L-100, L-197); `kills` override text and grace for
    single containers (B-23)."""

    kills: tuple[KillContainer, ...] = ()


@dataclass(frozen=True, slots=True)
class RestartAllContainers:
    """Kill all without preStop, forget all instances, begin again with the first init container (L-166)."""

    trigger: str


Action = StartContainer | HoldContainer | KillContainer | KillPod | RestartAllContainers


@dataclass(frozen=True, slots=True)
class PodActions:
    """What to do now, in this order, and when to look again (monotonic) if nothing happens before."""

    now: tuple[Action, ...] = ()
    wake_at: float | None = None


def compute_pod_actions(
    pod: Pod, observed: ObservedPod, back_off: Mapping[str, BackOffEntry], now: float
) -> PodActions:
    raise AssertionError
