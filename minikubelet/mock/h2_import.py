"""Find h2 when a gRPC port is asked for.

Role: the mock server starts without site-packages, which saves time on every start; h2 lies there.
"""

from __future__ import annotations

import importlib.util
import site

from minikubelet.mock.connection import ListenError


def ensure_h2() -> None:
    """Make `import h2` work. Raises ListenError when it cannot."""
    if importlib.util.find_spec("h2") is None:
        site.main()
    if importlib.util.find_spec("h2") is None:
        raise ListenError("a gRPC port needs the Python package h2, which this interpreter lacks")
