"""From what a worker knows to its record, and back after the daemon was killed.

Role: the record holds what the worker thought last; the records of the shims tell what became of
the processes since. `settle` brings the two together, so that the worker goes on as if it had been
there.
Invariants: an instance without a start record never ran, and is forgotten; one whose end is not
recorded, and that does not live, has ended with 137 (L-97, L-218).
"""

from __future__ import annotations

from typing import Any

from minikubelet.node.container_records import stop_records
from minikubelet.node.pod_record import KeptVerdict
from minikubelet.node.pod_state import PodState
from minikubelet.node.recovery import RestoredPod
from minikubelet.pod.observed import ContainerRun, RunState, StartFailure
from minikubelet.runtime.processes import Adopted


def state_members(state: PodState) -> dict[str, Any]:
    """The members of a `PodRecord` that come from the state."""
    return {
        "runs": tuple(run for runs in state.runs.values() for run in runs),
        "created": dict(state.untold),
        "environment_names": {
            container_id: tuple(environment)
            for container_id, environment in state.environments.items()
        },
        "verdicts": tuple(
            KeptVerdict(kind, container_id, verdict)
            for (kind, container_id), verdict in state.verdicts.items()
        ),
        "start_failures": dict(state.start_failures),
        "back_off": state.back_offs.kept,
        "before_attempts": state.back_offs.before_attempts,
        "restart_counts": dict(state.forgotten_counts),
        "holds_told": tuple(sorted(state.holds_told)),
        "post_start": dict(state.post_start),
        "stops": tuple(state.stops.values()),
        "sandbox_ready": state.sandbox_ready,
    }


def restore(state: PodState, restored: RestoredPod) -> None:
    """Put the state back as the record has it."""
    record = restored.record
    names = {container.name for container in state.pod.all_containers()}
    for run in record.runs:
        if run.name in names:
            state.runs[run.name] = (*state.runs.get(run.name, ()), run)
    ids = state.container_ids()
    state.adopted |= ids
    for container_id, environment in restored.environments.items():
        wanted = record.environment_names.get(container_id, tuple(environment))
        state.environments[container_id] = {
            name: environment[name] for name in wanted if name in environment
        }
    for kept in record.verdicts:
        if kept.container_id in ids:
            state.verdicts[(kept.kind, kept.container_id)] = kept.verdict
    state.start_failures.update(record.start_failures)
    state.back_offs.restore(record.back_off, record.before_attempts)
    state.forgotten_counts.update(record.restart_counts)
    state.holds_told.update(record.holds_told)
    state.untold.update(record.created)
    state.post_start.update(record.post_start)
    state.stops.update({stop.container_id: stop for stop in record.stops})
    state.sandbox_ready = record.sandbox_ready
    if not restored.same_boot:
        _forget_times(state)


def settle(state: PodState, restored: RestoredPod) -> None:
    """Note what has happened to the instances since the record was written, in the order in which
    it happened."""
    open_runs = [
        run for runs in state.runs.values() for run in runs if run.state is not RunState.EXITED
    ]
    ends = {run.container_id: _finished_at(restored, run) for run in open_runs}
    for run in sorted(open_runs, key=lambda run: ends[run.container_id]):
        _settle_run(state, run, restored)
    state.back_offs.undo_unsettled()
    if not restored.same_boot:
        state.sandbox_ready = False


def _finished_at(restored: RestoredPod, run: ContainerRun) -> float:
    """Unix nanoseconds; what is still alive comes last."""
    adopted = restored.instances.get(run.container_id)
    return adopted.exit.finished_at if adopted and adopted.exit else float("inf")


def _settle_run(state: PodState, run: ContainerRun, restored: RestoredPod) -> None:
    adopted = restored.instances.get(run.container_id, Adopted(None))
    if adopted.start is None and adopted.exit is None and run.state is RunState.CREATED:
        state.discard(run.container_id)
        return
    if adopted.exit is not None and adopted.exit.reason_hint == "start_error":
        message = adopted.exit.message
        state.exec_failed(run.container_id, message)
        failure = StartFailure("RunContainerError", message)
        state.start_failed(run.name, failure, run.container_id)
        return
    if adopted.start is not None:
        state.started(run.container_id, adopted.start)
    if adopted.exit is not None:
        state.back_offs.settled(run.name)
        stop = state.stops.get(run.container_id)
        for record in stop_records(run, state.place(run), adopted.exit, stop):
            state.tell(record)
        state.exited(run.container_id, adopted.exit)
    elif not adopted.alive:
        state.lost(run.container_id, adopted.survivors)


def _forget_times(state: PodState) -> None:
    """Monotonic times of another boot mean nothing: back-off and retries begin anew."""
    state.back_offs.restore({}, {})
    state.start_failures.clear()
    state.holds_told.clear()
    state.stops.clear()
    state.post_start.clear()
