"""The mock server as a program of its own: `python -m minikubelet.mock`, or this file by its path.

As a container's program it is started by path, with neither site-packages nor a helpful directory
around.
"""

import os
import sys

if not __package__:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from minikubelet.mock.main import main

sys.exit(main(sys.argv[1:]))
