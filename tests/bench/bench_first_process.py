"""Time from `minikubelet run` to the first byte that a container's program writes.

Budget: 250 ms, with 150 ms as the goal. Each run is a new process with compiled modules, as an
installed program has them. The floor is Python that imports asyncio and starts the same program.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.harness import MILLISECONDS, Row, medians
from tests.bench.workloads import compiled_environment, pod_document, run_command

ROUNDS = 15

_PATIENCE_MILLISECONDS = 20_000
_FLOOR = "import asyncio, os, sys; os.waitpid(os.posix_spawn(sys.argv[1], sys.argv[1:], {}), 0)"
_IMPORTS = "import sys, minikubelet.cli.run; open(sys.argv[1], 'w').write('x')"


def run() -> Iterator[Row]:
    with TemporaryDirectory(prefix="minikubelet-bench-") as name, compiled_environment() as env:
        fifo = Path(name) / "fifo"
        os.mkfifo(fifo)
        program = ["/bin/sh", "-c", f"echo > {fifo}"]
        document = pod_document("first", argv=program)
        document["spec"]["restartPolicy"] = "Never"
        manifest = Path(name) / "pod.yaml"
        manifest.write_text(json.dumps(document))
        commands = (
            run_command(manifest),
            [sys.executable, "-c", _FLOOR, *program],
            [sys.executable, "-c", _IMPORTS, str(fifo)],
        )
        measures = [
            partial(_milliseconds_to_first_byte, command, env, fifo) for command in commands
        ]
        for measure in measures:  # compiles the modules
            measure()
        ours, floor, imports = medians(ROUNDS, *measures)
    yield Row("from `run` to the first byte", ours, "ms", floor, "asyncio, posix_spawn", 250.0)
    yield Row("Python and the imports of `run`, of that", imports, "ms")


def _milliseconds_to_first_byte(
    command: Sequence[str], env: Mapping[str, str], fifo: Path
) -> float:
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env) as process:
            told = poll.poll(_PATIENCE_MILLISECONDS)
            seconds = time.perf_counter() - began
            if not told:
                process.terminate()
                raise TimeoutError("the container's program did not run")
        assert process.returncode == 0
    finally:
        os.close(reader)
    return seconds * MILLISECONDS
