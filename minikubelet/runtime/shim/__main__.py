"""Where the spawner begins: `python -I -S minikubelet/runtime/shim/__main__.py ARGUMENTS`."""

import os
import sys

sys.path.insert(0, os.path.abspath(os.path.join(os.path.dirname(__file__), *(os.pardir,) * 3)))

from minikubelet.runtime.shim.spawner import run

run()
