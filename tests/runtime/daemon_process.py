"""A daemon in a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from minikubelet.runtime.records import StartRecord, read_start_record

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from minikubelet.runtime.processes import ProcessRuntime
from tests.builders import a_launch_spec

SCRIPTS = (
    "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done",
    "trap '' TERM; setsid sleep 1000 & echo ready; while :; do sleep 0.01; done",
    "echo ready; read line",
)

async def main(directory, foreground):
    runtime = ProcessRuntime(
        cleanup=[directory] if foreground else [], die_with_owner=foreground, on_event=print
    )
    await runtime.open()
    for number, script in enumerate(SCRIPTS):
        argv = ("sh", "-c", script)
        place = directory / str(number)
        spec = a_launch_spec(place, argv, stdin=True, die_with_owner=foreground)
        await runtime.start(spec)
    print("up", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2] == "foreground"))
"""


@dataclass(frozen=True)
class DaemonProcess:
    """Its containers: one exits with 5 on TERM, one ignores it, one waits for input."""

    process: asyncio.subprocess.Process
    instance_dirs: list[Path]
    starts: list[StartRecord]

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


async def run_daemon(directory: Path, *, foreground: bool) -> DaemonProcess:
    """Start it, and its containers below `directory`."""
    root = Path(__file__).parent.parent.parent
    mode = "foreground" if foreground else "daemon"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROGRAM, str(directory), mode),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout
    assert await process.stdout.readline() == b"up\n"
    paths = instance_dirs(directory)
    records = [read_start_record(path) for path in paths]
    return DaemonProcess(process, paths, [record for record in records if record])


def instance_dirs(directory: Path) -> list[Path]:
    return [path.parent for path in sorted(directory.glob("*/*/launch.json"))]
