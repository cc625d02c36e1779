"""All benchmarks: `python -m tests.bench [NAME …]`. Without names, all (two to three minutes).

Each `bench_*.py` beside this file has a docstring that says what it measures and a `run()` that
yields rows.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

from tests.bench.harness import Row, table


def main() -> int:
    names = sorted(
        path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")
    )
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    chosen = parser.parse_args().names or names
    if unknown := set(chosen) - set(names):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    print(
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}, "
        f"{os.cpu_count()} processors, {_load()}"
    )
    over: list[Row] = []
    for name in chosen:
        module = importlib.import_module(f"tests.bench.bench_{name}")
        rows = list(module.run())
        over += [row for row in rows if row.within is False]
        print(f"\n{name}: {(module.__doc__ or '').strip().splitlines()[0]}")
        print(table(rows), flush=True)
    # A machine that others use makes all figures worse, ratios less so.
    print(f"\n{_load()}")
    if over:
        print(f"{len(over)} over budget: " + "; ".join(row.what for row in over))
    return 0


def _load() -> str:
    return f"load average {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
