"""`python -m minikubelet` and the console script."""

from __future__ import annotations

import sys


def main() -> int:
    from minikubelet.cli.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
