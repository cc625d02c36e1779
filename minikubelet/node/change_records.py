"""What a worker tells the journal when it takes over a pod, or a new version of one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from minikubelet.journal import ContainerAdopted, PodAdopted, PodRef, PodUpdated, Record
from minikubelet.manifest.pod import Pod
from minikubelet.node.pod_state import PodState
from minikubelet.node.recovery import RestoredPod
from minikubelet.pod.observed import RunState


def adoption_records(state: PodState, restored: RestoredPod, now: datetime) -> Iterator[Record]:
    """The pod of an earlier daemon, and those of its containers that still run."""
    yield PodAdopted(at=now, pod=state.ref, same_boot=restored.same_boot)
    for runs in state.runs.values():
        for run in runs:
            adopted = restored.instances.get(run.container_id)
            if run.state is RunState.RUNNING and adopted is not None and adopted.start is not None:
                yield ContainerAdopted(
                    at=now,
                    pod=state.ref,
                    container=run.name,
                    field_path=state.field_path(run.name),
                    container_id=run.container_id,
                    restart_count=run.restart_count,
                    pid=adopted.start.pid,
                )


def update_records(old: Pod, new: Pod, ref: PodRef, now: datetime) -> Iterator[Record]:
    """What matters to a pod that runs; none for other changes, such as labels."""
    changes = []
    before = {container.name: container.image for container in old.containers()}
    for container in new.containers():
        image = before.get(container.name)
        if image is not None and image != container.image:
            changes.append(f"image of {container.name}: {image} → {container.image}")
    if old.spec.active_deadline_seconds != new.spec.active_deadline_seconds:
        was, now_is = (
            "unset" if seconds is None else f"{seconds}s"
            for seconds in (old.spec.active_deadline_seconds, new.spec.active_deadline_seconds)
        )
        changes.append(f"activeDeadlineSeconds: {was} → {now_is}")
    lifted = [gate for gate in old.spec.scheduling_gates if gate not in new.spec.scheduling_gates]
    changes += [f"scheduling gate {gate} lifted" for gate in lifted]
    if changes:
        yield PodUpdated(at=now, pod=ref, changes=tuple(changes))
