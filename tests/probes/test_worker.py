"""The worker's loop: when it runs, what it stores and reports (probes.md, section 1)."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from minikubelet.journal import PodRef, ProbeAttempted
from minikubelet.manifest.pod import Pod, Probe, ProbeKind
from minikubelet.pod.observed import Verdict
from minikubelet.pod.pod_status import PodPhase
from minikubelet.pod.probe_state import ProbeView, Trigger
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.worker import ProbeWorker
from tests.fakes.clock import FakeClock
from tests.fakes.prober import FAILURE, SUCCESS, FakeProber
from tests.pod.builders import a_pod, a_probe, a_sidecar

S, F, U = Verdict.SUCCESS, Verdict.FAILURE, Verdict.UNKNOWN
LIVENESS, READINESS, STARTUP = ProbeKind.LIVENESS, ProbeKind.READINESS, ProbeKind.STARTUP
ERROR = ProbeResult(Outcome.UNKNOWN, error="no such port")


@dataclass
class Facts:
    view: ProbeView
    stored: list[tuple[str, Verdict | None]] = field(default_factory=list)
    reports: list[ProbeAttempted] = field(default_factory=list)


@dataclass
class Bench:
    """One worker on a table, with everything around it in reach."""

    clock: FakeClock
    prober: FakeProber
    worker: ProbeWorker
    task: asyncio.Task[None]
    facts: Facts
    begin: float

    def runs(self) -> list[float]:
        """When each run began, in seconds since the container's start."""
        return [round(at - self.begin, 6) for at in self.prober.began_at]

    async def show(self, **changes: Any) -> None:
        self.facts.view = replace(self.facts.view, **changes)
        self.worker.wake()
        await self.clock.settle()


@contextlib.asynccontextmanager
async def a_worker(
    probe: Probe,
    results: Iterable[ProbeResult | Exception] = (SUCCESS,),
    *,
    seconds: float = 0.0,
    pod: Pod | None = None,
    errors_count: bool = True,
    share: float = 0.0,
    **view: Any,
) -> AsyncIterator[Bench]:
    """A worker of a container that starts now, without a startup probe unless it is one."""
    clock = FakeClock()
    pod = pod or a_pod()
    facts = Facts(
        ProbeView(
            **{
                "phase": PodPhase.RUNNING,
                "container_id": "c1",
                "running": True,
                "started": probe.kind is not STARTUP,
                "started_monotonic": clock.monotonic(),
                **view,
            }
        )
    )
    prober = FakeProber(clock, results, lambda run: seconds)
    worker = ProbeWorker(
        pod,
        pod.containers()[0],
        probe,
        clock=clock,
        rng=_SameShare(share),
        prober=prober,
        view=lambda: facts.view,
        environment=lambda: {"PORT": "80"},
        report=facts.reports.append,
        store=lambda container_id, verdict: facts.stored.append((container_id, verdict)),
        errors_count=errors_count,
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.run())
        await clock.settle()
        yield Bench(clock, prober, worker, task, facts, clock.monotonic())
        worker.stop()
        await clock.advance(seconds)


class _SameShare(random.Random):
    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def random(self) -> float:
        return self._share


@pytest.mark.parametrize(
    ("kind", "delay", "runs"),
    [
        pytest.param(STARTUP, 0, [0, 10, 20, 30], id="startup from the start on"),
        pytest.param(READINESS, 0, [0, 10, 20, 30], id="readiness from the start on"),
        pytest.param(LIVENESS, 0, [10, 20, 30], id="liveness a period later"),
        pytest.param(LIVENESS, 3, [3, 13, 23, 33], id="B-1: liveness exactly after its delay"),
        pytest.param(READINESS, 3, [3, 13, 23, 33], id="B-1: readiness exactly after its delay"),
    ],
)
async def test_runs_at_a_fixed_phase(kind: ProbeKind, delay: int, runs: list[float]) -> None:
    probe = a_probe(kind, initial_delay_seconds=delay, failure_threshold=9)
    async with a_worker(probe, [FAILURE]) as bench:
        await bench.clock.advance(35)
        assert bench.runs() == runs


async def test_the_phase_holds_however_long_runs_take() -> None:
    async with a_worker(a_probe(LIVENESS, period_seconds=10), seconds=4) as bench:
        await bench.clock.advance(45)
        assert bench.runs() == [10, 20, 30, 40]


async def test_runs_never_overlap() -> None:  # P-102, P-122
    async with a_worker(a_probe(READINESS, period_seconds=2), seconds=5) as bench:
        for _ in range(40):
            await bench.clock.advance(0.5)
            assert bench.prober.in_flight <= 1
        assert bench.runs() == [0, 5, 10, 15, 20]


async def test_readiness_runs_at_once_when_the_startup_succeeds() -> None:  # P-161
    async with a_worker(a_probe(READINESS), started=False) as bench:
        await bench.clock.advance(23)
        assert bench.runs() == []
        await bench.show(started=True)
        await bench.clock.advance(11)
        assert bench.runs() == [23, 33]


async def test_a_trigger_runs_at_once_and_moves_the_ticks() -> None:  # P-123
    async with a_worker(a_probe(READINESS)) as bench:
        await bench.clock.advance(14)
        bench.worker.trigger()
        await bench.clock.advance(11)
        assert bench.runs() == [0, 10, 14, 24]


async def test_triggers_during_a_run_make_one_more() -> None:  # P-164
    async with a_worker(a_probe(READINESS), seconds=2) as bench:
        for _ in range(3):
            bench.worker.trigger()
        await bench.clock.advance(9)
        assert bench.runs() == [0, 2]


async def test_a_wakeup_without_news_changes_nothing() -> None:
    async with a_worker(a_probe(READINESS)) as bench:
        for _ in range(30):
            bench.worker.wake()
            await bench.clock.advance(0.5)
        assert bench.runs() == [0, 10]


async def test_jitter_of_an_adopted_container_can_be_cut_short() -> None:  # P-120, B-2
    async with a_worker(a_probe(READINESS), adopted=True, share=0.5) as bench:
        await bench.clock.advance(2)
        bench.worker.trigger()
        await bench.clock.advance(1)
        assert bench.runs() == [2]


async def test_an_adopted_container_is_probed_after_its_jitter() -> None:  # P-171
    async with a_worker(a_probe(READINESS), adopted=True, share=0.5) as bench:
        await bench.clock.advance(20)
        assert bench.runs() == [5, 15]
        assert bench.facts.stored == [("c1", S)]


async def test_stores_changes_only() -> None:  # P-118
    probe = a_probe(READINESS, failure_threshold=2)
    results = [SUCCESS, SUCCESS, FAILURE, FAILURE, FAILURE, SUCCESS]
    async with a_worker(probe, results) as bench:
        await bench.clock.advance(55)
    assert bench.facts.stored == [("c1", F), ("c1", S), ("c1", F), ("c1", S), ("c1", None)]


async def test_a_restart_takes_the_old_result_away() -> None:  # P-127, P-165
    async with a_worker(a_probe(LIVENESS, failure_threshold=1), [FAILURE, SUCCESS]) as bench:
        await bench.clock.advance(10)
        await bench.show(running=False, terminated=True, will_restart=True)
        await bench.show(
            container_id="c2",
            running=True,
            terminated=False,
            started_monotonic=bench.clock.monotonic(),
        )
        assert bench.facts.stored == [("c1", S), ("c1", F), ("c1", None), ("c2", S)]
        await bench.clock.advance(10)
        assert bench.runs() == [10, 20]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param({"running": False, "terminated": True}, id="TV-6: its container is gone"),
        pytest.param({"phase": PodPhase.FAILED}, id="TV-2: its pod has failed"),
        pytest.param({"deleting": True}, id="TV-3: its pod is being deleted"),
    ],
)
async def test_ends_by_itself_and_takes_its_result_along(end: dict[str, Any]) -> None:  # P-115
    async with a_worker(a_probe(LIVENESS)) as bench:
        await bench.show(**end)
        assert bench.task.done()
    assert bench.facts.stored[-1] == ("c1", None)


async def test_stop_may_be_repeated() -> None:  # TV-18
    async with a_worker(a_probe(READINESS)) as bench:
        for _ in range(10):
            bench.worker.stop()
        await bench.clock.settle()
        assert bench.task.done()
    assert bench.facts.stored == [("c1", F), ("c1", S), ("c1", None)]


async def test_stop_lets_the_run_in_flight_end() -> None:  # P-114
    async with a_worker(a_probe(READINESS), seconds=3) as bench:
        bench.worker.stop()
        await bench.clock.advance(2)
        assert not bench.task.done()
        await bench.clock.advance(1)
        assert bench.task.done()
    assert len(bench.facts.reports) == 1


async def test_a_worker_without_a_container_leaves_nothing_to_remove() -> None:  # P-115
    async with a_worker(a_probe(READINESS), container_id="", running=False) as bench:
        await bench.clock.advance(30)
    assert (bench.facts.stored, bench.runs()) == ([], [])


async def test_cancelling_keeps_the_result() -> None:
    async with a_worker(a_probe(READINESS)) as bench:
        bench.task.cancel()
        await bench.clock.settle()
    assert bench.facts.stored == [("c1", F), ("c1", S)]


async def test_cancelling_ends_the_run_in_flight() -> None:
    async with a_worker(a_probe(READINESS), seconds=3) as bench:
        bench.task.cancel()
        await bench.clock.settle()
        assert bench.prober.in_flight == 0
    assert bench.facts.reports == []


async def test_an_exception_costs_one_run(caplog: pytest.LogCaptureFixture) -> None:  # P-105
    async with a_worker(a_probe(READINESS), [RuntimeError("broken"), SUCCESS]) as bench:
        await bench.clock.advance(11)
        assert bench.runs() == [0, 10]
    assert [record.getMessage() for record in caplog.records] == [
        "probe run failed pod=default/web container=app probe=Readiness"
    ]
    assert [report.outcome for report in bench.facts.reports] == ["success"]


@pytest.mark.parametrize(
    ("errors_count", "verdict"),
    [
        pytest.param(True, F, id="B-8: errors turn the verdict like failures"),
        pytest.param(False, S, id="P-140: errors are discarded when so chosen"),
    ],
)
async def test_errors(errors_count: bool, verdict: Verdict) -> None:
    probe = a_probe(LIVENESS, failure_threshold=2)
    async with a_worker(probe, [ERROR], errors_count=errors_count) as bench:
        await bench.clock.advance(25)
        assert bench.worker.state.verdict is verdict
    assert [(r.outcome, r.error) for r in bench.facts.reports] == [("error", "no such port")] * 2


async def test_tells_its_prober_what_to_probe() -> None:
    pod, probe = a_pod(), a_probe(READINESS)
    async with a_worker(probe, pod=pod, pod_ip="10.0.0.9") as bench:
        target = bench.prober.targets[0]
    assert (target.pod, target.container, target.probe) == (pod, pod.containers()[0], probe)
    assert (target.container_id, target.pod_ip) == ("c1", "10.0.0.9")
    assert target.environment == {"PORT": "80"}


# --- reports ---------------------------------------------------------------------------------


async def test_reports_everything_about_a_run() -> None:
    probe = a_probe(LIVENESS, initial_delay_seconds=5, failure_threshold=2)
    result = ProbeResult(Outcome.FAILURE, "down", detail="body: oops")
    async with a_worker(probe, [result], seconds=0.5) as bench:
        await bench.clock.advance(6)
    start = FakeClock().now()
    assert bench.facts.reports == [
        ProbeAttempted(
            at=start + timedelta(seconds=5),
            pod=PodRef("default", "web", "uid-1"),
            container="app",
            field_path="spec.containers{app}",
            kind=LIVENESS,
            container_id="c1",
            planned_at=start + timedelta(seconds=5),
            trigger=Trigger.SCHEDULE,
            duration_seconds=0.5,
            outcome="failure",
            output="down",
            error="",
            verdict="success",
            verdict_before="success",
            run_length=1,
            threshold=2,
            detail="body: oops",
        )
    ]


async def test_reports_how_late_a_run_was() -> None:
    async with a_worker(a_probe(READINESS, period_seconds=2), seconds=3) as bench:
        await bench.clock.advance(4)
    late = [report.at - report.planned_at for report in bench.facts.reports]
    assert late == [timedelta(0), timedelta(seconds=1)]


@pytest.mark.parametrize(
    ("kind", "results", "counts"),
    [
        pytest.param(
            LIVENESS,
            [FAILURE, FAILURE, FAILURE],
            [(1, 3, "success"), (2, 3, "success"), (3, 3, "failure")],
            id="up to the threshold, although the hold resets the count",
        ),
        pytest.param(
            READINESS,
            [SUCCESS, FAILURE, SUCCESS],
            [(1, 1, "success"), (1, 3, "success"), (1, 1, "success")],
            id="towards the threshold of what was seen",
        ),
    ],
)
async def test_reports_the_count(
    kind: ProbeKind, results: list[ProbeResult], counts: list[tuple[int, int, str]]
) -> None:
    async with a_worker(a_probe(kind), results) as bench:
        await bench.clock.advance(9 if kind is READINESS else 10)
        await bench.clock.advance(20)
    found = [(r.run_length, r.threshold, r.verdict) for r in bench.facts.reports]
    assert found == counts


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        pytest.param(ProbeResult(Outcome.SUCCESS, "fine"), "success", id="P-200"),
        pytest.param(ProbeResult(Outcome.WARNING, "moved"), "warning", id="P-201"),
        pytest.param(ProbeResult(Outcome.UNKNOWN, error="no"), "error", id="P-202"),
        pytest.param(ProbeResult(Outcome.FAILURE, "down"), "failure", id="P-203"),
        pytest.param(ProbeResult(Outcome.UNKNOWN), "failure", id="P-204"),
    ],
)
async def test_reports_the_outcome(result: ProbeResult, outcome: str) -> None:
    async with a_worker(a_probe(READINESS), [result]) as bench:
        pass
    (report,) = bench.facts.reports
    assert (report.outcome, report.output, report.error) == (outcome, result.output, result.error)
    assert report.verdict == (S if outcome in ("success", "warning") else F)


async def test_keeps_little_of_a_successful_output_and_all_of_a_failed_one() -> None:  # P-512
    results = [ProbeResult(outcome, "x" * 9000) for outcome in (Outcome.SUCCESS, Outcome.FAILURE)]
    async with a_worker(a_probe(READINESS), results) as bench:
        await bench.clock.advance(10)
    assert [len(report.output) for report in bench.facts.reports] == [256, 9000]


@pytest.mark.parametrize(
    ("container_started", "trigger"),
    [
        pytest.param(True, Trigger.START, id="with the start"),
        pytest.param(False, Trigger.STARTUP_SUCCESS, id="with the success of the startup probe"),
    ],
)
async def test_reports_what_made_it_run(container_started: bool, trigger: Trigger) -> None:
    async with a_worker(a_probe(READINESS), started=container_started) as bench:
        await bench.show(started=True)
        await bench.clock.advance(10)
        bench.worker.trigger()
        await bench.clock.settle()
    triggers = [report.trigger for report in bench.facts.reports]
    assert triggers == [trigger, Trigger.SCHEDULE, Trigger.MANUAL]


async def test_names_a_sidecar_as_the_init_container_that_it_is() -> None:  # P-510
    async with a_worker(a_probe(READINESS), pod=a_pod(init=[a_sidecar()])) as bench:
        pass
    assert bench.facts.reports[0].field_path == "spec.initContainers{side}"
