"""Why a pod is in the state that it is in: Pending, not Ready, Failed, going.

Role: one sentence, with the containers that keep it from being well. Pure.
"""

from __future__ import annotations

from datetime import timedelta

from minikubelet.explain.causes import (
    kind_of,
    restart_policy,
    sentence,
    why_ended,
)
from minikubelet.explain.history import ContainerHistory, Life, PodHistory
from minikubelet.explain.standing import moment, standing
from minikubelet.journal import KillRequested
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.pod.wording import brief, one_line
from minikubelet.value_class import dataclass

_REJECTED = "Pod was rejected: "
_ASKED_FOR = frozenset({KillCause.DELETED, KillCause.SHUTDOWN, KillCause.POD_FINISHED})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of the node and its other pods explains the state of a pod."""

    node_name: str = ""
    port_holders: tuple[str, ...] = ()
    """Who has the host ports that a pod wants: `8080: pod default/web`."""


_NOWHERE = Surroundings()


def pod_text(
    history: PodHistory,
    pod: Pod | None,
    document: Json | None,
    around: Surroundings = _NOWHERE,
) -> str:
    """`The pod is Running and not Ready: …`. Without `document` the pod is gone."""
    phase = _phase(history, document)
    if document is None:
        return f"The pod is gone{_why_gone(history)}. Its last phase was {phase}."
    if (document.get("metadata") or {}).get("deletionTimestamp"):
        return f"The pod is being deleted{_stopping(history, pod, document)}."
    match phase:
        case "Failed":
            return sentence(f"The pod failed: {_why_failed(history, pod, document, around)}")
        case "Succeeded":
            return "The pod succeeded: every container ended with exit code 0."
        case "Running" if _condition(history, document, "Ready") == "True":
            return "The pod is Running and Ready."
        case "Running":
            why = _why_not_ready(history, pod, document)
            return sentence(f"The pod is Running and not Ready: {why}")
    why = _why_pending(history, pod, document, around)
    return sentence(f"The pod is {phase or 'Pending'}: {why}")


def is_over(document: Json | None) -> bool:
    """Whether nothing of the pod is started any more: it is gone, going or finished."""
    if document is None or (document.get("metadata") or {}).get("deletionTimestamp"):
        return True
    return (document.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def _phase(history: PodHistory, document: Json | None) -> str:
    status = (document or {}).get("status") or {}
    return str(status.get("phase") or (history.phase.new if history.phase else "unknown"))


def _condition(history: PodHistory, document: Json, kind: str) -> str:
    for condition in (document.get("status") or {}).get("conditions") or ():
        if condition.get("type") == kind:
            return str(condition.get("status"))
    known = history.conditions.get(kind)
    return known.status if known else ""


def _why_failed(history: PodHistory, pod: Pod | None, document: Json, around: Surroundings) -> str:
    status = document.get("status") or {}
    reason = status.get("reason") or (history.phase.reason if history.phase else "")
    message = status.get("message") or (history.phase.message if history.phase else "")
    if message.startswith(_REJECTED):
        held = f" (host port {'; '.join(around.port_holders)})" if around.port_holders else ""
        return f"it was refused ({reason}): {one_line(message.removeprefix(_REJECTED))}{held}"
    if reason:
        return f"{reason}: {one_line(message)}" if message else str(reason)
    told = []
    for container in history.containers.values():
        life = container.last
        if container.ephemeral or life is None or life.exit is None or life.exit.exit_code == 0:
            continue
        if life.exit.cause not in _ASKED_FOR:
            policy = f" (restartPolicy {restart_policy(container.name, pod)})" if pod else ""
            text = why_ended(life, history, pod).text
            said = text.removeprefix("it ") if text.startswith("it ") else f"was stopped: {text}"
            told.append(f"{kind_of(container, pod)} {container.name} {said}{policy}")
    return "; ".join(told) or "a container did not end with exit code 0"


def _why_pending(history: PodHistory, pod: Pod | None, document: Json, around: Surroundings) -> str:
    spec = document.get("spec") or {}
    if gates := [str(gate.get("name")) for gate in spec.get("schedulingGates") or ()]:
        return f"it waits until its scheduling gates are removed: {', '.join(gates)}"
    node = spec.get("nodeName")
    if node and around.node_name and node != around.node_name:
        return f'it names the node "{node}", and this one is "{around.node_name}"'
    if not history.containers and (why := _why_not_scheduled(history, document)):
        return f"it is not started: {why}"
    if history.volume_failure is not None:
        volume = history.volume_failure.volume
        what = f"volume {volume} is not there" if volume else "its volumes are not there"
        return f"{what}: {one_line(history.volume_failure.message)}"
    hooked = ""
    for container in _in_order(history, pod):
        life = container.last
        named = f"{kind_of(container, pod)} {container.name}"
        if life is not None and life.running and container.start_failure is None:
            if container.init and not _is_done(life, pod, container.name):
                return f"{named} still runs"
            if not container.init and _has_post_start(container.name, pod):
                hooked = hooked or f"{named} runs its postStart hook"
            continue
        found = standing(container, history, pod)
        if not found.well:
            return f"{named} {found.text}"
    if hooked:
        return hooked
    if not history.containers and not node:
        return "no node has taken it yet"
    return "nothing of it was started yet"


def _why_not_scheduled(history: PodHistory, document: Json) -> str:
    for condition in (document.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason')}: {one_line(str(condition.get('message', '')))}"
    known = history.conditions.get("PodScheduled")
    if known is None or known.status != "False":
        return ""
    return f"{known.reason}: {one_line(known.message)}"


def _has_post_start(name: str, pod: Pod | None) -> bool:
    container = next((c for c in pod.containers() if c.name == name), None) if pod else None
    lifecycle = container.lifecycle if container else None
    return lifecycle is not None and lifecycle.post_start is not None


def _is_done(life: Life, pod: Pod | None, name: str) -> bool:
    """Whether an init container that runs keeps nobody waiting: a sidecar that has started."""
    if pod is None or not any(c.name == name and c.restart_policy for c in pod.containers()):
        return False
    row = life.probes.get(ProbeKind.STARTUP)
    return row is None or (row.last is not None and row.last.verdict == "success")


def _why_not_ready(history: PodHistory, pod: Pod | None, document: Json) -> str:
    told = []
    for container in _in_order(history, pod):
        found = standing(container, history, pod)
        if not found.well:
            told.append(f"{kind_of(container, pod)} {container.name} {found.text}")
    if told:
        return "; ".join(told)
    for gate in (document.get("spec") or {}).get("readinessGates") or ():
        kind = gate.get("conditionType", "")
        if _condition(history, document, kind) != "True":
            told.append(f"its readiness gate {kind} is not True")
    return "; ".join(told) or "the first readiness probes are under way"


def _stopping(history: PodHistory, pod: Pod | None, document: Json) -> str:
    told = []
    for container in history.containers.values():
        life = container.last
        if life is None or not life.running:
            continue
        told.append(f"{kind_of(container, pod)} {container.name} {_stop_progress(life)}")
    if told:
        return f": {'; '.join(told)}"
    holders = (document.get("metadata") or {}).get("finalizers") or ()
    waits = f", and it waits for its finalizers: {', '.join(holders)}" if holders else ""
    return f": nothing of it runs any more{waits}"


def _stop_progress(life: Life) -> str:
    if life.kill is None:
        return "still runs"
    terms = life.steps_of("TERM")
    if life.steps_of("KILL"):
        return "was killed and has not ended yet"
    if terms:
        until = terms[-1].at + timedelta(seconds=terms[-1].seconds)
        return f"was sent SIGTERM and has until {moment(until)} to end"
    until = life.kill.at + timedelta(seconds=life.kill.grace_period_seconds)
    return f"runs its preStop hook or waits for its turn, until {moment(until)} at most"


def _why_gone(history: PodHistory) -> str:
    kills: list[KillRequested] = [
        life.kill for c in history.containers.values() for life in c.lives if life.kill
    ]
    deleted = [kill for kill in kills if kill.cause is KillCause.DELETED]
    if deleted:
        grace = brief(deleted[0].grace_period_seconds)
        return f": it was deleted at {moment(deleted[0].at)} with a grace period of {grace}"
    return ""


def _in_order(history: PodHistory, pod: Pod | None) -> list[ContainerHistory]:
    """As the spec has them, init containers first; those that left no trace are missing, and so are
    ephemeral ones, which no pod waits for."""
    order = [c.name for c in pod.containers()] if pod else []
    known = [history.containers[name] for name in order if name in history.containers]
    others = [c for c in history.containers.values() if c.name not in order]
    return [container for container in known + others if not container.ephemeral]
