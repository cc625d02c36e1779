"""Where the spawner begins: `python -I -S minikubelet/runtime/shim ARGUMENTS`.

The interpreter puts this directory first on its path; the package's parent belongs there instead.
"""

import os
import sys

sys.path[0] = os.path.abspath(os.path.join(os.path.dirname(__file__), *(os.pardir,) * 3))

from minikubelet.runtime.shim.spawner import run  # noqa: E402

run()
