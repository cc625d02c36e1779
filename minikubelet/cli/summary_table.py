"""The table at the end of a run: one line per container. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from minikubelet.cli.output import PodSummary
from minikubelet.pod.pod_status import ContainerStatus, Running, Terminated, Waiting
from minikubelet.pod.wording import one_line

_HEADINGS = ("POD", "CONTAINER", "STATE", "READY", "RESTARTS", "LAST EXIT")


def summary_lines(pods: Sequence[PodSummary]) -> list[str]:
    """The table with its headings, then a line per pod that has something to say of itself."""
    rows = [_HEADINGS, *(row for pod in pods for row in _rows(pod))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return lines + [text for pod in pods if (text := _pod_text(pod))]


def _rows(summary: PodSummary) -> list[tuple[str, ...]]:
    status, pod = summary.status, summary.pod.name
    containers = (*status.init_container_statuses, *status.container_statuses)
    if not containers:
        return [(pod, "-", str(status.phase), "no", "-", "-")]
    return [
        (
            pod,
            container.name,
            state_text(container),
            "yes" if container.ready else "no",
            str(container.restart_count),
            _last_exit_text(container, summary.exit_causes.get(container.name, "")),
        )
        for container in containers
    ]


def state_text(container: ContainerStatus) -> str:
    """As in the STATUS column of `kubectl get pods`: the reason, where there is one."""
    match container.state:
        case Running():
            return "Running"
        case Waiting(reason=reason):
            return reason or "Waiting"
        case Terminated(reason=reason):
            return reason or "Terminated"


def last_exit(container: ContainerStatus) -> Terminated | None:
    return container.state if isinstance(container.state, Terminated) else container.last_state


def _last_exit_text(container: ContainerStatus, cause: str) -> str:
    ended = last_exit(container)
    if ended is None:
        return "-"
    if not cause and ended.reason not in ("", "Completed", "Error"):
        cause = ended.reason
    return f"{ended.exit_code}, {cause}" if cause else str(ended.exit_code)


def _pod_text(summary: PodSummary) -> str:
    status = summary.status
    said = ": ".join(part for part in (status.reason, one_line(status.message)) if part)
    return f"{summary.pod}: {status.phase}: {said}" if said else ""
