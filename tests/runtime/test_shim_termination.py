"""Termination messages (L-213, L-215)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_launch_spec
from tests.runtime.harness import Harness

SH = ("sh", "-c")
WRITE = 'printf "%s" "$TEXT" > $MINIKUBELET_TERMINATION_LOG'
LINES = "".join(f"line {number}\n" for number in range(1, 201))


@pytest.mark.parametrize(
    ("script", "env", "members", "message"),
    [
        pytest.param("true", {}, {}, "", id="none"),
        pytest.param(WRITE, {"TEXT": "done: ü"}, {}, "done: ü", id="as the program wrote it"),
        pytest.param(WRITE, {"TEXT": "a\n"}, {}, "a\n", id="newlines stay"),
        pytest.param(
            WRITE, {"TEXT": "a" * 10 + "b" * 4096}, {}, "b" * 4096, id="the last 4096 bytes"
        ),
        pytest.param(
            r"printf '\377' > $MINIKUBELET_TERMINATION_LOG", {}, {}, "\ufffd", id="not UTF-8"
        ),
        pytest.param(
            "echo last words; exit 1",
            {},
            {"termination_fallback_to_logs": True},
            "last words\n",
            id="the log of a failure",
        ),
        pytest.param(
            "echo last words",
            {},
            {"termination_fallback_to_logs": True},
            "",
            id="not the log of a success",
        ),
        pytest.param(
            f"{WRITE}; echo no; exit 1",
            {"TEXT": "yes"},
            {"termination_fallback_to_logs": True},
            "yes",
            id="the file comes before the log",
        ),
        pytest.param("echo no; exit 1", {}, {}, "", id="not the log unless that is the policy"),
        pytest.param(
            "seq -f 'line %g' 200; exit 1",
            {},
            {"termination_fallback_to_logs": True},
            "".join(f"line {number}\n" for number in range(121, 201)),
            id="the last 80 lines of the log",
        ),
        pytest.param(
            "yes 123456789 | head -n 79; printf %s end; exit 1",
            {},
            {"termination_fallback_to_logs": True},
            "123456789\n" * 79 + "end",
            id="an end without newline",
        ),
        pytest.param(
            "head -c 100000 /dev/zero | tr '\\000' x; exit 1",
            {},
            {"termination_fallback_to_logs": True},
            "x" * 2048,
            id="at most 2048 bytes of the log",
        ),
    ],
)
async def test_messages(
    script: str, env: dict[str, str], members: dict[str, Any], message: str, harness: Harness
) -> None:
    spec = await harness.start((*SH, script), env=env, **members)
    assert (await harness.exit_of(spec)).message == message


async def test_a_file_at_a_path_of_the_host_is_removed_after_reading(harness: Harness) -> None:
    path = harness.directory / "message"
    members = {"termination_log": str(path), "termination_log_remove": True}
    spec = await harness.start((*SH, f"echo bye > {path}"), **members)
    assert (await harness.exit_of(spec)).message == "bye\n"
    assert path.name not in os.listdir(harness.directory)
    spec = await harness.start(("true",), **members)
    assert (await harness.exit_of(spec)).message == ""


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(
            "rm {0}; ln -s /etc/passwd {0}", "too many levels of symbolic links", id="link"
        ),
        pytest.param("rm {0}; mkfifo {0}", "not a regular file", id="fifo"),
        pytest.param("rm {0}; mkdir {0}", "not a regular file", id="directory"),
    ],
)
async def test_what_is_put_in_place_of_the_file_is_not_read(
    script: str, reason: str, harness: Harness
) -> None:
    spec = await harness.start((*SH, script.format("$MINIKUBELET_TERMINATION_LOG")))
    path = spec.termination_log
    record = await harness.exit_of(spec)
    assert record.message == f"Error on reading termination log {path}: {reason}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may switch users")
async def test_another_user_cannot_have_a_file_read_that_is_closed_to_it(
    harness: Harness, open_dir: Path
) -> None:
    secret = harness.directory / "secret"
    secret.mkdir()
    (secret / "message").write_text("secret")
    link = open_dir / "volume"
    spec = a_launch_spec(
        harness.directory,
        (*SH, f"ln -s {secret} {link}"),
        user=1234,
        cwd="/",
        termination_log=str(link / "message"),
    )
    secret.chmod(0o700)
    harness.note(await harness.runtime.start(spec))
    message = (await harness.exit_of(spec)).message
    assert message == f"Error on reading termination log {link}/message: permission denied"
