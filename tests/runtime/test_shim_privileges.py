"""`allowPrivilegeEscalation: false`: no process of the container gains rights."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from minikubelet.runtime.launch import LaunchSpec, Mount
from minikubelet.runtime.shim import container, linux
from minikubelet.runtime.shim.child import StartError
from minikubelet.runtime.shim.waiting_child import WaitingChild
from tests.builders import a_launch_spec
from tests.runtime.harness import Harness, eventually, log_of

SH = ("sh", "-c")
STATUS = "grep NoNewPrivs /proc/self/status | cut -f2"
NOBODY = 65_534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may switch users")


async def run(harness: Harness, spec: LaunchSpec, script: str) -> str:
    result = await harness.runtime.exec(spec.container_id, (*SH, script), timeout=20)
    assert result.exit_code == 0, result.stderr
    return result.stdout.decode().strip()


@pytest.mark.parametrize("withheld", [True, False], ids=["withheld", "allowed"])
@pytest.mark.parametrize("forked", [False, True], ids=["spawned commands", "forked commands"])
async def test_what_the_kernel_says_of_the_container_and_its_commands(
    withheld: bool, forked: bool, harness: Harness
) -> None:
    user = {"user": os.geteuid()} if forked else {}
    spec = await harness.start(
        (*SH, f"{STATUS}; exec sleep 1000"), no_new_privileges=withheld, **user
    )
    expected = "1" if withheld else "0"
    await harness.logged(spec, f"{expected}\n")
    assert await run(harness, spec, STATUS) == expected


async def test_one_container_does_not_bind_the_next(harness: Harness) -> None:
    await harness.start(("sleep", "1000"), no_new_privileges=True)
    spec = await harness.start((*SH, STATUS))
    await harness.exit_of(spec)
    assert log_of(spec) == "0\n"


@as_root
@pytest.mark.parametrize(("withheld", "effective"), [(True, str(NOBODY)), (False, "0")])
async def test_a_program_with_the_set_uid_bit(
    withheld: bool, effective: str, open_dir: Path, harness: Harness
) -> None:
    program = str(shutil.copy(shutil.which("id") or "", open_dir / "id"))
    os.chmod(program, 0o4755)
    spec = await harness.start(
        (program, "-u"),
        no_new_privileges=withheld,
        user=NOBODY,
        group=NOBODY,
        groups=(),
        cwd="/",
    )
    await harness.exit_of(spec)
    assert log_of(spec) == f"{effective}\n"


@as_root
async def test_volumes_are_mounted_all_the_same(volume: Path, harness: Harness) -> None:
    spec = await harness.start(
        (*SH, f"cat {volume.parent}/at/greeting; {STATUS}; exec sleep 1000"),
        no_new_privileges=True,
        mounts=(Mount(str(volume), f"{volume.parent}/at"),),
    )
    await harness.logged(spec, "hello1\n")
    assert await run(harness, spec, STATUS) == "1"


async def test_a_system_that_cannot_do_it_refuses_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "forbid_new_privileges", lambda: False)
    spec = a_launch_spec(tmp_path, ("true",), no_new_privileges=True).to_json()
    waiting = WaitingChild()
    instance = container.Container(spec, json.dumps(spec).encode(), waiting)
    instance.prepare()
    try:
        with pytest.raises(StartError, match="allowPrivilegeEscalation"):
            instance.let_go()
        assert waiting.lives(), "it was not told to go"
    finally:
        waiting.dismiss()
        await eventually(lambda: not waiting.lives(), "it has ended")
