"""A prober whose results are written down beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minikubelet.clock import Clock
from minikubelet.probes.prober import ProbeTarget
from minikubelet.probes.result import Outcome, ProbeResult

SUCCESS = ProbeResult(Outcome.SUCCESS)
FAILURE = ProbeResult(Outcome.FAILURE, "down")


class FakeProber:
    """Answers with `results` in order, the last one for ever, each after `seconds` of its clock.

    An exception among the results is raised.
    """

    def __init__(
        self,
        clock: Clock,
        results: Iterable[ProbeResult | Exception] = (SUCCESS,),
        seconds: Callable[[int], float] = lambda run: 0.0,
    ) -> None:
        self.targets: list[ProbeTarget] = []
        self.began_at: list[float] = []
        self.in_flight = 0
        self._clock = clock
        self._results = tuple(results)
        self._seconds = seconds

    async def probe(self, target: ProbeTarget) -> ProbeResult:
        run = len(self.targets)
        self.targets.append(target)
        self.began_at.append(self._clock.monotonic())
        self.in_flight += 1
        try:
            if seconds := self._seconds(run):
                await self._clock.sleep(seconds)
        finally:
            self.in_flight -= 1
        result = self._results[min(run, len(self._results) - 1)]
        if isinstance(result, Exception):
            raise result
        return result
