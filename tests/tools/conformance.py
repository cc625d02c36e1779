"""Run a conformance runner: `python -m tests.tools.conformance RUNNER [ARGS …]`.

Role: start `minikubelet daemon` in a directory of its own, give the runner kubectl, kubeconfig, the
directory of static manifests and a command that kills and restarts the daemon, and end the daemon
with everything that it runs. The exit code is the runner's.
"""

from __future__ import annotations

import os
import select
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.daemon_process import DaemonProcess
from tests.kubectl import newest_kubectl

_RESTART = "--restart"


def main(argv: list[str]) -> int:
    if argv[:1] == [_RESTART]:
        return _ask_for_restart(Path(argv[1]))
    runner, *rest = argv
    kubectl = newest_kubectl()
    if kubectl is None:
        print("no kubectl was found: set MINIKUBELET_TEST_KUBECTL", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="minikubelet-conformance-") as directory:
        base = Path(directory)
        base.chmod(0o711)
        static = base / "static"
        static.mkdir()
        daemon = DaemonProcess(base / "node", "--manifests", str(static))
        daemon.start()
        try:
            return _run(runner, rest, daemon, kubectl, static, base)
        finally:
            daemon.stop_with_pods()


def _run(
    runner: str, rest: list[str], daemon: DaemonProcess, kubectl: Path, static: Path, base: Path
) -> int:
    """The runner beside a pipe through which its restart command asks us for a restart."""
    ask, answer = base / "ask", base / "answer"
    os.mkfifo(ask)
    os.mkfifo(answer)
    restart = shlex.join([sys.executable, "-m", "tests.tools.conformance", _RESTART, str(base)])
    command = [
        sys.executable,
        runner,
        f"--kubectl={kubectl}",
        f"--kubeconfig={daemon.kubeconfig}",
        f"--static-pod-dir={static}",
        f"--restart-cmd={restart}",
        *rest,
    ]
    with open(ask, "r+b", buffering=0) as asked, subprocess.Popen(command) as process:
        os.set_blocking(asked.fileno(), False)
        while process.poll() is None:
            if not _asked(asked.fileno()):
                continue
            daemon.kill()
            daemon.start()
            answer.write_text("restarted\n")
        return process.returncode


def _asked(fd: int) -> bool:
    """Wait up to a quarter of a second for somebody to ask."""
    ready, _, _ = select.select([fd], [], [], 0.25)
    return bool(ready and os.read(fd, 100))


def _ask_for_restart(base: Path) -> int:
    with open(base / "ask", "wb", buffering=0) as ask:
        ask.write(b"restart\n")
    return 0 if (base / "answer").read_text() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
