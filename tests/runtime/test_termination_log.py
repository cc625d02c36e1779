"""Where a termination message is read."""

from __future__ import annotations

import pytest

from minikubelet.runtime.launch import Mount
from minikubelet.runtime.termination_log import TerminationLog, plan_termination_log

PRIVATE = "/state/i/termination-log"
DATA = Mount("/state/volumes/data", "/data")
MOUNTED = TerminationLog(PRIVATE, mount=Mount(PRIVATE, "/dev/termination-log"))


# L-213
@pytest.mark.parametrize(
    ("wanted", "mounts", "texts", "can_be_made", "plan"),
    [
        pytest.param(
            "/dev/termination-log",
            (),
            ("sh", "-c", "exit 1"),
            True,
            TerminationLog(PRIVATE),
            id="the default path that nothing speaks of costs no namespace",
        ),
        pytest.param(
            "/dev/termination-log",
            (),
            ("sh", "-c", "echo bye > /dev/termination-log"),
            True,
            MOUNTED,
            id="the default path in the command is mounted",
        ),
        pytest.param(
            "/dev/termination-log", (DATA,), (), True, MOUNTED, id="as it is beside other mounts"
        ),
        pytest.param(
            "/tmp/bye",
            (),
            (),
            True,
            TerminationLog("/tmp/bye", remove=True),
            id="a path that the host lacks is read there and removed",
        ),
        pytest.param(
            "/etc/bye",
            (),
            (),
            False,
            TerminationLog(PRIVATE, mount=Mount(PRIVATE, "/etc/bye")),
            id="a file of the host is covered",
        ),
        pytest.param(
            "/nowhere/bye",
            (),
            (),
            False,
            TerminationLog(PRIVATE, mount=Mount(PRIVATE, "/nowhere/bye")),
            id="so is a path whose directory the host lacks",
        ),
        pytest.param(
            "/data/bye",
            (DATA,),
            (),
            True,
            TerminationLog(PRIVATE, mount=Mount(PRIVATE, "/data/bye")),
            id="a path in a volume is covered, as in a cluster",
        ),
        pytest.param(
            "/database/bye",
            (DATA,),
            (),
            True,
            TerminationLog("/database/bye", remove=True),
            id="a path that only begins like a volume's",
        ),
    ],
)
def test_plan(
    wanted: str,
    mounts: tuple[Mount, ...],
    texts: tuple[str, ...],
    can_be_made: bool,
    plan: TerminationLog,
) -> None:
    assert plan_termination_log(wanted, PRIVATE, mounts, texts, can_be_made) == plan
