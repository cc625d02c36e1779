"""Pods, containers and instances for tests: each call states what matters and hides the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.pod import (
    Container,
    ContainerRestartRule,
    ExecAction,
    ExitCodesRequirement,
    Pod,
    PodSpec,
    Probe,
    ProbeKind,
    RestartPolicy,
)
from minikubelet.pod.observed import ContainerRun, ObservedPod, RunState, StartFailure, Verdict

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Monotonic second 0 of tests."""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_container(name: str = "app", **fields: Any) -> Container:
    defaults: dict[str, Any] = {"image": "busybox", "command": ("run",)}
    return Container(name=name, **(defaults | fields))


def a_sidecar(name: str = "side", **fields: Any) -> Container:
    """Meant for `init=`."""
    return a_container(name, restart_policy=RestartPolicy.ALWAYS, **fields)


def a_probe(kind: ProbeKind, **fields: Any) -> Probe:
    return Probe(kind, exec=ExecAction(("check",)), **fields)


def a_rule(action: str, operator: str, *values: int) -> ContainerRestartRule:
    return ContainerRestartRule(action, ExitCodesRequirement(operator, values))


def a_pod(
    *containers: Container,
    init: Iterable[Container] = (),
    restart_policy: str = RestartPolicy.ALWAYS,
    metadata: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Pod:
    """One container `app` unless some are given."""
    meta: dict[str, Any] = {"name": "web", "uid": "uid-1"}
    return Pod(
        ObjectMeta(**(meta | dict(metadata or {}))),
        PodSpec(
            containers=containers or (a_container(),),
            init_containers=tuple(init),
            restart_policy=restart_policy,
            **spec,
        ),
    )


def deleted(pod: Pod, grace_period_seconds: int = 30) -> Pod:
    metadata = replace(
        pod.metadata,
        deletion_timestamp=START,
        deletion_grace_period_seconds=grace_period_seconds,
    )
    return replace(pod, metadata=metadata)


def container_id(name: str, restart_count: int = 0) -> str:
    return f"process://{name}-{restart_count}"


def a_run(
    name: str = "app",
    state: RunState = RunState.RUNNING,
    *,
    exit_code: int | None = None,
    restart_count: int = 0,
    started: float = 0.0,
    finished: float | None = None,
    reason: str = "",
    message: str = "",
    hook_pending: bool = False,
    killed_for: KillCause | None = None,
    image: str = "busybox",
) -> ContainerRun:
    """A running instance, or one that has exited when `exit_code` is given; times in seconds."""
    if exit_code is not None:
        state = RunState.EXITED
        finished = started + 1 if finished is None else finished
        reason = reason or ("Error" if exit_code else "Completed")
    begun = state is not RunState.CREATED
    return ContainerRun(
        container_id=container_id(name, restart_count),
        name=name,
        restart_count=restart_count,
        state=state,
        created_at=at(started),
        started_at=at(started) if begun else None,
        started_monotonic=started if begun else None,
        finished_at=None if finished is None else at(finished),
        finished_monotonic=finished,
        exit_code=exit_code,
        reason=reason,
        message=message,
        image=image,
        hook_pending=hook_pending,
        killed_for=killed_for,
    )


def observe(
    *runs: ContainerRun,
    verdicts: Mapping[tuple[ProbeKind, str], Verdict] | None = None,
    start_failures: Mapping[str, StartFailure] | None = None,
    sandbox_ready: bool = True,
) -> ObservedPod:
    """What is known of a pod; runs of one container newest first, verdicts by container name (they
    are those of its newest run)."""
    by_name: dict[str, tuple[ContainerRun, ...]] = {}
    for run in runs:
        by_name[run.name] = (*by_name.get(run.name, ()), run)
    return ObservedPod(
        runs=by_name,
        verdicts={
            (kind, by_name[name][0].container_id): verdict
            for (kind, name), verdict in (verdicts or {}).items()
        },
        start_failures=dict(start_failures or {}),
        sandbox_ready=sandbox_ready,
    )
