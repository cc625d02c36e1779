"""The health endpoints say what upstream's say."""

from __future__ import annotations

import pytest

from minikubelet.apiserver.health import HealthCheck, health_routes, report
from tests.apiserver.serving import client, serving


def _broken() -> str | None:
    raise RuntimeError("disk gone")


CHECKS = (
    HealthCheck("store", lambda: "the disk is full"),
    HealthCheck("agent", lambda: None, live=True),
)
FAILED = """\
[+]ping ok
[-]store failed: reason withheld
[+]agent ok
healthz check failed
"""
EXCLUDED = """\
[+]ping ok
[+]store excluded: ok
[+]agent ok
warn: some health checks cannot be excluded: no matches for "other"
readyz check passed
"""


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("/healthz", 500, FAILED),
        ("/healthz?verbose", 500, FAILED),
        ("/livez", 200, "ok"),
        ("/livez?verbose=1", 200, "[+]ping ok\n[+]agent ok\nlivez check passed\n"),
        ("/readyz?exclude=store", 200, "ok"),
        ("/readyz?verbose&exclude=store&exclude=other", 200, EXCLUDED),
        ("/readyz/agent", 200, "ok"),
        ("/readyz/store", 500, "internal server error: the disk is full\n"),
        ("/livez/store", 404, "404: Not Found"),
    ],
)
async def test_endpoints(path: str, code: int, text: str) -> None:
    async with (
        serving(health_routes(CHECKS)) as served,
        client(served) as session,
        session.get(path) as response,
    ):
        assert (response.status, await response.text()) == (code, text)
        assert response.content_type == "text/plain"


def test_a_check_that_raises_fails(caplog: pytest.LogCaptureFixture) -> None:
    good, text = report("livez", [HealthCheck("disk", _broken)])
    assert (good, text) == (False, "[-]disk failed: reason withheld\nlivez check failed\n")
    assert "disk gone" in caplog.text
