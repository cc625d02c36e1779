"""The layout of `why`, and its times in the reader's zone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from minikubelet.explain.explanation import explanation_to_json
from minikubelet.explain.text import explanation_lines
from minikubelet.manifest.json_tree import Json
from tests.explain.course import a_document, play

TOKYO = timezone(timedelta(hours=9))


def text(document: Json) -> str:
    def local(time: datetime) -> datetime:
        return time.astimezone(TOKYO)

    return "\n".join(explanation_lines(document, local)) + "\n"


HTTP: Json = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}

KILLED = """\
default/web: The pod is Running and not Ready: container app waits in back-off until 09:00:48: its
  liveness probe (http GET :8080/healthz) failed 2 times in a row (failureThreshold 2), the last
  time with: HTTP probe failed with statuscode: 500. Restarts: container app once.

container app: waits in back-off until 09:00:48: its liveness probe (http GET :8080/healthz) failed
  2 times in a row (failureThreshold 2), the last time with: HTTP probe failed with statuscode: 500

  end at 2026-01-01 09:00:38: LivenessProbe
    Container app was stopped because its liveness probe (http GET :8080/healthz) failed 2 times in
    a row (failureThreshold 2), the last time with: HTTP probe failed with statuscode: 500. It was
    asked to stop with a grace period of 4s, was still running 4s after SIGTERM, and was killed
    (exit code 137, SIGKILL). The next start waits in back-off, 10s from the end.
    09:00:19.000  started (restart 1, pid 1002)
    09:00:24.000  Liveness probe succeeded for the last time, after 0s
    09:00:29.000  Liveness probe failed (1 of 2) after 0s: HTTP probe failed with statuscode: 500
                  [body: failing, 10.0s after the start]
    09:00:34.000  Liveness probe failed (2 of 2) after 0s: HTTP probe failed with statuscode: 500
                  [body: failing, 15.0s after the start]
    09:00:34.000  threshold reached: 2 failures in a row (failureThreshold 2)
    09:00:34.000  asked to stop, liveness probe failed: Container app failed liveness probe, will be
                  restarted (grace 4s)
    09:00:34.000  SIGTERM sent, 4s of grace left
    09:00:38.000  SIGKILL: still running 4s after SIGTERM
    09:00:38.000  ended by SIGKILL after 19s: exit 137 (SIGKILL), liveness probe failed
    09:00:38.000  back-off 10s from the end, until 09:00:48
    last lines of its log:
    | until 2026-01-01T00:00:00Z
"""


def test_a_restart() -> None:
    document = a_document(
        {"livenessProbe": {**HTTP, "failureThreshold": 2}}, terminationGracePeriodSeconds=4
    )
    course = play(document, {"app": "fails at 7s, ignores TERM"}, 45)
    explanation = course.explain(logs={("app", 1): ["until 2026-01-01T00:00:00Z"]})
    told = text(explanation_to_json(explanation))
    assert told.startswith(KILLED)
    assert "\n  restart 1 at 2026-01-01 09:00:19: LivenessProbe\n" in told
    assert told.endswith("\n\n(known since 2026-01-01 09:00:00)\n")


def test_how_many_ends_are_not_shown() -> None:
    course = play(a_document(), {"app": "exits at 1s with 1"}, 7200)
    explanation = course.explain()
    hidden = explanation.containers[0].ends_known - 10
    assert hidden > 5
    told = text(explanation_to_json(explanation))
    assert f"\n  … and {hidden} earlier (--restart N shows one)\n" in told
