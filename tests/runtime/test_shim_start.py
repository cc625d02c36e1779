"""What a container's process finds when it starts, and what is told when it cannot."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.launch import LaunchSpec, Mount
from minikubelet.runtime.records import read_exit_record, read_start_record
from minikubelet.runtime.shim.linux import boot_id, read_process, start_time
from tests.builders import a_launch_spec
from tests.runtime.harness import Harness, a_harness, eventually, log_of

SH = ("sh", "-c")
PYTHON = (sys.executable, "-I", "-S", "-c")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may switch users")


async def test_the_start_record_names_the_process_and_its_shim(harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    record = read_start_record(Path(spec.instance_dir))
    assert record
    process = read_process(record.pid)
    assert process
    assert (record.start_time, process.ppid) == (process.start_time, record.shim_pid)
    assert record.shim_start_time == start_time(record.shim_pid)
    assert (record.container_id, record.boot_id) == (spec.container_id, boot_id())
    assert record.created_at <= record.started_at


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        pytest.param("pwd", "{cwd}", id="the working directory"),
        pytest.param("echo $A", "1 2", id="the environment"),
        pytest.param(
            "env | grep -v ^PWD= | wc -l", "3", id="nothing of the daemon's own environment"
        ),
        pytest.param("umask", "0022", id="the umask"),
        pytest.param("echo $(ps -o sid= -o pgid= -p $$)", "{pid} {pid}", id="session and group"),
        pytest.param(  # 3 is the directory that is read
            "exec ls /proc/self/fd", "0\n1\n2\n3", id="no descriptors leak"
        ),
        pytest.param("grep -c . < /dev/stdin", "0", id="no input"),
        pytest.param("grep SigBlk /proc/$$/status | cut -f2", "0" * 16, id="no blocked signal"),
        pytest.param(
            "echo $((0x$(grep SigIgn /proc/$$/status | cut -f2) & 0x7fffffff))",
            "0",
            id="no ignored signal",
        ),
    ],
)
async def test_what_a_process_finds(script: str, printed: str, harness: Harness) -> None:
    spec = await harness.start((*SH, script), env={"A": "1 2"})
    await harness.exit_of(spec)
    record = read_start_record(Path(spec.instance_dir))
    assert record
    assert log_of(spec).strip() == printed.format(cwd=spec.cwd, pid=record.pid)


async def test_signals_that_the_daemon_ignores_are_not_ignored_in_a_container(
    tmp_path: Path,
) -> None:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        async with a_harness(tmp_path) as harness:
            spec = await harness.start((*SH, "kill -HUP $$"))
            assert (await harness.exit_of(spec)).exit_code == 129
    finally:
        signal.signal(signal.SIGHUP, old)


@pytest.mark.parametrize(
    ("argv", "code", "signal"),
    [
        pytest.param(("true",), 0, None, id="success"),
        pytest.param((*SH, "exit 255"), 255, None, id="the highest code"),
        pytest.param((*SH, "kill -KILL $$"), 137, 9, id="SIGKILL"),
        pytest.param((*SH, "kill -SEGV $$"), 139, 11, id="SIGSEGV"),
        pytest.param((*SH, "kill -INT $$"), 130, 2, id="SIGINT"),
    ],
)
async def test_exit_codes(  # L-119
    argv: tuple[str, ...], code: int, signal: int | None, harness: Harness
) -> None:
    spec = await harness.start(argv)
    record = await harness.exit_of(spec)
    assert (record.exit_code, record.signal, record.reason_hint) == (code, signal, "")
    assert read_exit_record(Path(spec.instance_dir)) == record


def _program(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        pytest.param(
            "nope", 'exec: "nope": executable file not found in $PATH', id="not in the PATH"
        ),
        pytest.param("", 'exec: "": executable file not found in $PATH', id="an empty name"),
        pytest.param(
            "/no/such", 'exec: "/no/such": stat /no/such: no such file or directory', id="no file"
        ),
        pytest.param("/tmp", 'exec: "/tmp": is a directory', id="a directory"),
        pytest.param(
            "./plain", 'exec: "./plain": permission denied', id="a file that is not executable"
        ),
        pytest.param("./text", 'exec: "./text": exec format error', id="a script without #!"),
        pytest.param(
            "./script",
            'exec: "./script": no such file or directory '
            "(the interpreter of its first line is missing)",
            id="a script without its interpreter",
        ),
    ],
)
async def test_a_program_that_cannot_be_executed(  # L-111
    program: str, message: str, harness: Harness
) -> None:
    spec = a_launch_spec(harness.directory, (program, "x"))
    work = Path(spec.cwd)
    _program(work / "plain", "", 0o644)
    _program(work / "text", "echo hello\n")
    _program(work / "script", "#!/no/interpreter\n")
    with pytest.raises(ContainerStartError) as caught:
        await harness.runtime.start(spec)
    assert (caught.value.reason, caught.value.message) == ("RunContainerError", message)
    record = read_exit_record(Path(spec.instance_dir))
    assert record
    assert (record.exit_code, record.signal, record.reason_hint, record.message) == (
        128,
        None,
        "start_error",
        message,
    )
    assert harness.events == []


@pytest.mark.parametrize(
    ("members", "reason", "message"),
    [
        pytest.param(
            {"cwd": "/no/such"},
            "CreateContainerError",
            'chdir to cwd ("/no/such") set in config.json failed: no such file or directory',
            id="no such working directory",
        ),
        pytest.param(
            {"cwd": "/etc/passwd"},
            "CreateContainerError",
            'chdir to cwd ("/etc/passwd") set in config.json failed: not a directory',
            id="the working directory is a file",
        ),
        pytest.param(
            {"user": 2**32 - 2, "groups": (2**32 - 1,)},
            "CreateContainerError",
            "switching to user 4294967294, group None, groups [4294967295] failed: "
            "invalid argument",
            id="a group that cannot be",
            marks=as_root,
        ),
        pytest.param(
            {"socket_path": "/tmp/" + "x" * 120},
            "CreateContainerError",
            "cannot create the container: AF_UNIX path too long",
            id="a socket path that is too long",
        ),
        pytest.param(
            {"mounts": (Mount("/no/such", "/data"),)},
            "CreateContainerConfigError",
            "cannot mount /no/such at /data: No such file or directory",
            id="a volume that is not there",
        ),
    ],
)
async def test_a_container_that_cannot_be_created(  # L-108, L-109
    members: dict[str, Any], reason: str, message: str, harness: Harness
) -> None:
    spec = a_launch_spec(harness.directory, ("true",), **members)
    with pytest.raises(ContainerStartError) as caught:
        await harness.runtime.start(spec)
    assert (caught.value.reason, caught.value.message) == (reason, message)
    assert sorted(os.listdir(spec.instance_dir)) == ["launch.json", "termination-log", "work"]
    assert harness.events == []


async def test_an_instance_whose_directory_is_gone(harness: Harness) -> None:
    spec = a_launch_spec(harness.directory, ("true",), instance_dir="/no/such")
    with pytest.raises(ContainerStartError) as caught:
        await harness.runtime.start(spec)
    assert caught.value.message == "cannot start a shim: no such file or directory"


def streams_of(spec: LaunchSpec) -> set[str]:
    return {line.split()[1] for line in Path(spec.log_path).read_text().splitlines()}


@as_root
async def test_user_and_groups(harness: Harness) -> None:
    spec = a_launch_spec(
        harness.directory,
        (*SH, "id -u; id -g; id -G; echo written > /dev/stdout; cat /proc/self/oom_score_adj"),
        user=1234,
        group=2345,
        groups=(3456, 4567),
        cwd="/",
        oom_score_adj=500,
    )
    owner = os.stat(os.devnull).st_uid
    harness.note(await harness.runtime.start(spec))
    await harness.exit_of(spec)
    assert os.stat(os.devnull).st_uid == owner, "stdin is the host's, not the container's"
    assert log_of(spec) == "1234\n2345\n2345 3456 4567\nwritten\n500\n"


async def test_stdin_stays_open_without_input(harness: Harness) -> None:  # L-115
    spec = await harness.start((*SH, "echo ready; cat; echo end"), stdin=True)
    await harness.logged(spec, "ready")
    harness.runtime.stop(spec.container_id, 20)
    await harness.exit_of(spec)
    assert log_of(spec) == "ready\n"


async def test_a_terminal_merges_the_streams(harness: Harness) -> None:  # L-115
    program = """
import os, sys
os.write(1, b"out\\n"); os.write(2, b"err\\n")
print(*map(os.isatty, (0, 1, 2)), *os.get_terminal_size())
print(os.tcgetpgrp(0) == os.getsid(0) == os.getpid())
"""
    spec = await harness.start((*PYTHON, program), tty=True, stdin=True)
    await harness.exit_of(spec)
    assert log_of(spec) == "out\nerr\nTrue True True 80 24\nTrue\n"
    assert streams_of(spec) == {"stdout"}


async def test_records_are_private(harness: Harness) -> None:
    spec = await harness.start(("true",))
    await harness.exit_of(spec)
    modes = {
        name: stat.S_IMODE(os.stat(Path(spec.instance_dir) / name).st_mode)
        for name in ("launch.json", "start.json", "exit.json")
    }
    assert set(modes.values()) == {0o600}


async def test_nothing_remains_but_the_records(harness: Harness) -> None:
    spec = await harness.start(("true",))
    await harness.exit_of(spec)
    await eventually(lambda: not harness.living_shims(), "the shim has ended")
    names = ["exit.json", "launch.json", "log", "start.json", "termination-log", "work"]
    assert sorted(set(os.listdir(spec.instance_dir)) | {"log"}) == names
