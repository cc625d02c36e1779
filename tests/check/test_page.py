"""The page of `--report` in a real browser, without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from minikubelet.check.report import LogLine, report_html
from minikubelet.check.result import CheckResult
from minikubelet.journal import Record
from minikubelet.manifest.pod import ProbeKind
from tests.check.builders import PROBED, WEB, a_result, accepted, judged, probed, ready, started
from tests.cli.records import at

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")

POINTS = 20_000
FRAMES = 60
_SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1300,1000",
)
_MEASURE = """
<script>
  addEventListener("error", (event) => { document.body.dataset.error = event.message; });
</script>
"""
_DRAW_AGAIN = f"""
<script>
  const began = performance.now();
  for (let frame = 0; frame < {FRAMES}; frame++) {{
    from = full[1] * frame / {FRAMES} / 2;
    to = full[1] - from / 2;
    draw();
  }}
  context.getImageData(0, 0, 1, 1);
  document.body.dataset.frame = (performance.now() - began) / {FRAMES};
  const ticks = [...context.getImageData(0, 0, canvas.width, canvas.height).data]
    .filter((value, index) => index % 4 === 3 && value > 0).length;
  document.body.dataset.painted = ticks;
</script>
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """For the page and for the browser's profile: gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as path:
        yield Path(path)


def shown(html: str, directory: Path) -> str:
    """The document after its scripts have run, as the browser has it."""
    page = directory / "report.html"
    page.write_text(html.replace("<header>", _MEASURE + "<header>", 1))
    profile = f"--user-data-dir={directory / 'profile'}"
    done = subprocess.run(
        [str(CHROMIUM), *_SWITCHES, profile, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return done.stdout


def a_page(records: list[Record], lines: list[LogLine], result: CheckResult | None = None) -> str:
    result = result or a_result(judged(accepted(), started(1), ready(True, 2), pod=PROBED))
    return report_html(result, [PROBED], records, {(WEB, "app"): lines})


def attribute(name: str, dom: str) -> str:
    match = re.search(rf'data-{name}="([^"]*)"', dom)
    assert match, f"no data-{name} in {dom[-2000:]}"
    return match[1]


def test_verdict_cases_and_log_lines_are_shown(directory: Path) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    result = a_result(judged(accepted(), started(1), pod=PROBED).timed_out(9, at(9)))
    result = replace(result, log_tails={"web/app": [hostile]})
    dom = shown(a_page([started(1)], [LogLine(at(2), "stdout", hostile)], result), directory)
    escaped = "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"
    assert "data-error" not in dom.replace("dataset.error", "")
    assert attribute("drawn", dom) == "yes"
    assert "FAILED (exit 10, never ready): web/app: not ready after 9s" in dom
    assert f"<span>{escaped}</span>" in dom
    assert "<img" not in dom.partition("<script")[0]
    assert 'class="failed"' in dom


def test_twenty_thousand_points_are_drawn_in_time(directory: Path) -> None:
    records: list[Record] = [started(0)]
    for number in range(POINTS):
        outcome = "failure" if number % 50 == 0 else "success"
        kind = ProbeKind.READINESS if number % 2 else ProbeKind.LIVENESS
        records.append(probed(outcome, kind, seconds=number * 0.01, output=f"{number % 7}"))
    result = replace(
        a_result(judged(accepted(), started(0), pod=PROBED)), ended_at=at(POINTS * 0.01)
    )
    lines = [LogLine(at(number * 0.1), "stdout", f"line {number}") for number in range(2000)]
    html = a_page(records, lines, result).replace("</html>", _DRAW_AGAIN + "</html>")
    dom = shown(html, directory)
    assert int(attribute("painted", dom)) > 20_000
    # A frame of 60 per second lasts 16.7 ms; machines of CI are slow and have no GPU.
    assert float(attribute("frame", dom)) < 50
