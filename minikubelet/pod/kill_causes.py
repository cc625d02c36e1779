"""Why a container that runs must not go on (L-97, L-98, P-152). Pure."""

from __future__ import annotations

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container, ProbeKind
from minikubelet.pod.observed import ContainerRun, ObservedPod, RunState, Verdict

_TEXTS = {
    KillCause.DEFINITION_CHANGED: "definition changed",
    KillCause.LIVENESS: "failed liveness probe",
    KillCause.STARTUP: "failed startup probe",
}


def kill_cause(container: Container, run: ContainerRun, observed: ObservedPod) -> KillCause | None:
    """The first reason to kill `run` while its pod goes on; None lets it be.

    Only a cached failure kills, never "unknown" (P-152); an instance whose postStart hook is
    pending is still being started. The definition is name and image (L-99).
    """
    if run.hook_pending:
        return None
    if run.state is RunState.UNKNOWN:
        return KillCause.UNKNOWN_STATE
    if run.state is not RunState.RUNNING:
        return None
    if run.image and run.image != container.image:
        return KillCause.DEFINITION_CHANGED
    if observed.verdict(ProbeKind.LIVENESS, run.container_id) is Verdict.FAILURE:
        return KillCause.LIVENESS
    if observed.verdict(ProbeKind.STARTUP, run.container_id) is Verdict.FAILURE:
        return KillCause.STARTUP
    if _resize_restarts(container, run):
        return KillCause.RESIZED
    return None


def _resize_restarts(container: Container, run: ContainerRun) -> bool:
    """Whether a resource is another one whose policy is to restart the container for it (L-257)."""
    had, has = run.resources, container.resources
    return had is not None and any(
        policy.restart_policy == "RestartContainer"
        and (had.limits.get(name), had.requests.get(name))
        != (has.limits.get(name), has.requests.get(name))
        for policy in container.resize_policy
        for name in (policy.resource_name,)
    )


def kill_message(name: str, cause: KillCause, *, init: bool, restarts: bool) -> str:
    """The text of the Killing event; what becomes of the container is told of regular ones only."""
    kind = "Init container" if init else "Container"
    if cause is KillCause.UNKNOWN_STATE:
        return f'{kind} is in "unknown" state, try killing it before restart'
    if cause is KillCause.RESIZED:
        return f"Container {name} resize requires restart"
    suffix = ", will be restarted" if restarts and not init else ""
    return f"{kind} {name} {_TEXTS[cause]}{suffix}"
