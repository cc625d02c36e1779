"""Why a pod is in the state that it is in: Pending, not Ready, Failed, going.

Role: one sentence about the pod and one about each container that keeps it from being well. Pure.
"""

from __future__ import annotations

from datetime import timedelta

from minikubelet.explain.causes import probe_failures, restart_policy, why_ended
from minikubelet.explain.history import ContainerHistory, Life, PodHistory
from minikubelet.journal import KillRequested
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.pod.wording import brief, exit_text, one_line

_REJECTED = "Pod was rejected: "
_ASKED_FOR = frozenset({KillCause.DELETED, KillCause.SHUTDOWN, KillCause.POD_FINISHED})


def pod_text(history: PodHistory, pod: Pod | None, document: Json | None) -> str:
    """`The pod is Running and not Ready: …`. Without `document` the pod is gone."""
    phase = _phase(history, document)
    if document is None:
        return f"The pod is gone{_why_gone(history)}. Its last phase was {phase}."
    if (document.get("metadata") or {}).get("deletionTimestamp"):
        return f"The pod is being deleted{_stopping(history)}."
    match phase:
        case "Failed":
            return f"The pod failed: {_why_failed(history, pod, document)}."
        case "Succeeded":
            return "The pod succeeded: every container ended with exit code 0."
        case "Running" if _condition(history, document, "Ready") == "True":
            return "The pod is Running and Ready."
        case "Running":
            return f"The pod is Running and not Ready: {_why_not_ready(history, pod, document)}."
    return f"The pod is {phase or 'Pending'}: {_why_pending(history, pod, document)}."


def is_over(document: Json | None) -> bool:
    """Whether nothing of the pod is started any more: it is gone, going or finished."""
    if document is None or (document.get("metadata") or {}).get("deletionTimestamp"):
        return True
    return (document.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def container_text(
    container: ContainerHistory, history: PodHistory, pod: Pod | None, *, over: bool = False
) -> str:
    """What it does now, in a clause; `over`: nothing is started any more."""
    life = container.last
    failure = container.start_failure
    if life is not None and life.running:
        assert life.started is not None, "it runs"
        why = _not_ready(container, life, pod)
        if life.kill is not None:
            return f"is being stopped: {life.kill.cause}"
        return f"runs, but {why}" if why else "runs"
    if failure is not None and (life is None or failure.reason != "PostStartHookError"):
        return f"cannot start: {failure.reason}: {one_line(failure.message)}"
    if life is None:
        return "was not started yet"
    ended = why_ended(life, history, pod)
    if life.back_off is not None and not over:
        until = life.back_off.at + timedelta(seconds=life.back_off.remaining_seconds)
        return f"waits in back-off until {until:%Y-%m-%dT%H:%M:%SZ}: {ended.text}"
    if container.init and life.exit is not None and life.exit.exit_code == 0:
        return "has completed"
    return f"has ended ({exit_text(life.exit)}): {ended.text}" if life.exit else "is being started"


def _phase(history: PodHistory, document: Json | None) -> str:
    status = (document or {}).get("status") or {}
    return str(status.get("phase") or (history.phase.new if history.phase else "unknown"))


def _condition(history: PodHistory, document: Json, kind: str) -> str:
    for condition in (document.get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            return str(condition.get("status"))
    known = history.conditions.get(kind)
    return known.status if known else ""


def _why_failed(history: PodHistory, pod: Pod | None, document: Json) -> str:
    status = document.get("status") or {}
    reason = status.get("reason") or (history.phase.reason if history.phase else "")
    message = status.get("message") or (history.phase.message if history.phase else "")
    if message.startswith(_REJECTED):
        return f"it was refused ({reason}): {one_line(message.removeprefix(_REJECTED))}"
    if reason:
        return f"{reason}: {one_line(message)}" if message else str(reason)
    told = []
    for container in history.containers.values():
        life = container.last
        if life is None or life.exit is None or life.exit.exit_code == 0:
            continue
        if life.exit.cause not in _ASKED_FOR:
            policy = f" (restartPolicy {restart_policy(container.name, pod)})" if pod else ""
            kind = "init container" if container.init else "container"
            text = why_ended(life, history, pod).text
            said = text.removeprefix("it ") if text.startswith("it ") else f"was stopped: {text}"
            told.append(f"{kind} {container.name} {said}{policy}")
    return "; ".join(told) or "a container did not end with exit code 0"


def _why_pending(history: PodHistory, pod: Pod | None, document: Json) -> str:
    scheduled = history.conditions.get("PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return f"it is not started: {scheduled.reason}: {one_line(scheduled.message)}"
    if history.volume_failure is not None:
        volume = history.volume_failure.volume
        what = f"volume {volume} cannot be had" if volume else "its volumes cannot be had"
        return f"{what}: {one_line(history.volume_failure.message)}"
    for container in _in_order(history, pod):
        life = container.last
        if container.init and life is not None and life.running and container.start_failure is None:
            if _is_done(life, pod, container.name):
                continue
            return f"init container {container.name} still runs"
        text = container_text(container, history, pod)
        if text not in ("runs", "has completed"):
            kind = "init container" if container.init else "container"
            return f"{kind} {container.name} {text}"
    if not history.containers and not (document.get("spec") or {}).get("nodeName"):
        return "no node has taken it yet"
    return "nothing of it was started yet"


def _is_done(life: Life, pod: Pod | None, name: str) -> bool:
    """Whether an init container that runs keeps nobody waiting: a sidecar that has started."""
    if pod is None or not any(c.name == name and c.restart_policy for c in pod.containers()):
        return False
    row = life.probes.get(ProbeKind.STARTUP)
    return row is None or (row.last is not None and row.last.verdict == "success")


def _why_not_ready(history: PodHistory, pod: Pod | None, document: Json) -> str:
    told = []
    for container in _in_order(history, pod):
        text = container_text(container, history, pod)
        if text not in ("runs", "has completed"):
            told.append(f"container {container.name} {text}")
    if told:
        return "; ".join(told)
    for gate in (document.get("spec") or {}).get("readinessGates") or ():
        kind = gate.get("conditionType", "")
        if _condition(history, document, kind) != "True":
            told.append(f"its readiness gate {kind} is not True")
    return "; ".join(told) or "the first readiness probes are under way"


def _not_ready(container: ContainerHistory, life: Life, pod: Pod | None) -> str:
    """Why a container that runs is not ready; empty if it is."""
    kinds = _probe_kinds(container.name, pod) | life.probes.keys()
    for kind in (ProbeKind.STARTUP, ProbeKind.READINESS):
        if kind not in kinds:
            continue
        row = life.probes.get(kind)
        if row is None or row.last is None:
            if _adopted(life) or (container.init and not _is_sidecar(container.name, pod)):
                return ""
            if kind is ProbeKind.STARTUP and ProbeKind.READINESS in life.probes:
                continue  # it has succeeded before the journal's memory begins
            return f"its {kind.lower()} probe has not run yet"
        if row.last.verdict == "success":
            continue
        if row.failures:
            return probe_failures(life, kind, pod)
        return f"its {kind.lower()} probe has not succeeded often enough yet"
    return ""


def _adopted(life: Life) -> bool:
    return life.started is not None and type(life.started).__name__ == "ContainerAdopted"


def _probe_kinds(name: str, pod: Pod | None) -> set[ProbeKind]:
    containers = pod.containers() if pod else ()
    return {probe.kind for c in containers if c.name == name for probe in c.probes()}


def _is_sidecar(name: str, pod: Pod | None) -> bool:
    containers = pod.containers() if pod else ()
    return any(c.name == name and c.restart_policy == "Always" for c in containers)


def _stopping(history: PodHistory) -> str:
    told = []
    for container in history.containers.values():
        life = container.last
        if life is None or not life.running:
            continue
        told.append(f"container {container.name} {_stop_progress(life)}")
    return f": {'; '.join(told)}" if told else ": nothing of it runs any more"


def _stop_progress(life: Life) -> str:
    if life.kill is None:
        return "still runs"
    terms = life.steps_of("TERM")
    if life.steps_of("KILL"):
        return "was killed and has not ended yet"
    if terms:
        until = terms[-1].at + timedelta(seconds=terms[-1].seconds)
        return f"was sent SIGTERM and has until {until:%Y-%m-%dT%H:%M:%SZ} to end"
    until = life.kill.at + timedelta(seconds=life.kill.grace_period_seconds)
    return f"runs its preStop hook or waits for its turn, until {until:%Y-%m-%dT%H:%M:%SZ} at most"


def _why_gone(history: PodHistory) -> str:
    kills: list[KillRequested] = [
        life.kill for c in history.containers.values() for life in c.lives if life.kill
    ]
    deleted = [kill for kill in kills if kill.cause is KillCause.DELETED]
    if deleted:
        grace = brief(deleted[0].grace_period_seconds)
        return (
            f": it was deleted at {deleted[0].at:%Y-%m-%dT%H:%M:%SZ} with a grace period of {grace}"
        )
    return ""


def _in_order(history: PodHistory, pod: Pod | None) -> list[ContainerHistory]:
    """As the spec has them, init containers first; those that left no trace are missing."""
    order = [c.name for c in pod.containers()] if pod else []
    known = [history.containers[name] for name in order if name in history.containers]
    return known + [c for c in history.containers.values() if c.name not in order]
