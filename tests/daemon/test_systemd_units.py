"""The units of `systemd/`, as systemd itself reads them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize(
    ("unit", "manager"),
    [("minikubelet.service", "--system"), ("minikubelet-user.service", "--user")],
)
def test_a_unit_is_sound(unit: str, manager: str, tmp_path: Path) -> None:
    text = (UNITS / unit).read_text()
    # Where the program is installed differs from machine to machine; it must be there to verify.
    lines = [
        f"ExecStart={sys.executable} daemon" if line.startswith("ExecStart=") else line
        for line in text.splitlines()
    ]
    assert any(line.startswith("ExecStart=") for line in lines)
    copy = tmp_path / unit
    copy.write_text("\n".join(lines))
    ran = subprocess.run(
        ["systemd-analyze", manager, "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("unit", ["minikubelet.service", "minikubelet-user.service"])
def test_pods_outlive_the_daemon_and_readiness_is_told(unit: str) -> None:
    settings = set((UNITS / unit).read_text().splitlines())
    assert {"KillMode=process", "Type=notify", "OOMPolicy=continue", "WatchdogSec=30s"} <= settings
