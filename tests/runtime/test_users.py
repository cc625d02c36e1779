"""As whom a container runs."""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

import pytest

from minikubelet.manifest.pod import PodSecurityContext, SecurityContext
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.users import Identity, ProcessUser, may_read, process_user
from tests.pod.builders import a_container, a_pod

ROOT = Identity(0, 0, (0, 27))
KIM = Identity(1000, 1000, (27, 1000))
UNKNOWN_USER = 987_654


def user_of(
    own: Identity,
    container: SecurityContext | None = None,
    pod: PodSecurityContext | None = None,
) -> ProcessUser:
    app = a_container(security_context=container)
    return process_user(a_pod(app, security_context=pod), app, own)


# L-116
@pytest.mark.parametrize(
    ("container", "pod", "user"),
    [
        pytest.param(None, None, ProcessUser(), id="nothing is asked for"),
        pytest.param(
            SecurityContext(run_as_user=UNKNOWN_USER),
            None,
            ProcessUser(UNKNOWN_USER, 0, (0,), "/"),
            id="a user that the host does not know is in group 0 and at home in /",
        ),
        pytest.param(
            SecurityContext(run_as_user=UNKNOWN_USER),
            PodSecurityContext(run_as_user=1, run_as_group=2),
            ProcessUser(UNKNOWN_USER, 2, (2,), "/"),
            id="the container's settings override the pod's, one by one",
        ),
        pytest.param(
            None,
            PodSecurityContext(
                run_as_user=UNKNOWN_USER,
                run_as_group=5,
                supplemental_groups=(7, 5),
                fs_group=9,
            ),
            ProcessUser(UNKNOWN_USER, 5, (5, 7, 9), "/"),
            id="supplemental groups and fsGroup come after the first one",
        ),
        pytest.param(
            None,
            PodSecurityContext(supplemental_groups=(7,)),
            ProcessUser(groups=(0, 27, 7)),
            id="groups are added to those of the unchanged user",
        ),
        pytest.param(
            SecurityContext(run_as_user=UNKNOWN_USER, run_as_non_root=True),
            None,
            ProcessUser(UNKNOWN_USER, 0, (0,), "/"),
            id="runAsNonRoot with another user",
        ),
    ],
)
def test_root_takes_any_user(
    container: SecurityContext | None, pod: PodSecurityContext | None, user: ProcessUser
) -> None:
    assert user_of(ROOT, container, pod) == user


def test_a_known_user_brings_groups_and_home() -> None:  # L-116
    nobody = pwd.getpwnam("nobody")
    groups = os.getgrouplist("nobody", nobody.pw_gid)
    context = PodSecurityContext(run_as_user=nobody.pw_uid, supplemental_groups=(7,))
    assert user_of(ROOT, None, context) == ProcessUser(
        nobody.pw_uid,
        nobody.pw_gid,
        tuple(dict.fromkeys((nobody.pw_gid, *groups, 7))),
        nobody.pw_dir,
        "nobody",
    )


@pytest.mark.parametrize(
    ("container", "pod"),
    [
        pytest.param(None, None, id="nothing is asked for"),
        pytest.param(SecurityContext(run_as_user=1000, run_as_group=1000), None, id="its own ids"),
        pytest.param(SecurityContext(run_as_non_root=True), None, id="not root"),
        pytest.param(
            None, PodSecurityContext(supplemental_groups=(27,), fs_group=1000), id="its own groups"
        ),
    ],
)
def test_another_user_has_only_what_it_has(
    container: SecurityContext | None, pod: PodSecurityContext | None
) -> None:  # L-116
    assert user_of(KIM, container, pod) == ProcessUser()


NON_ROOT = '(pod: "web_default(uid-1)", container: app)'
HINT = "; leave the setting out, or run minikubelet as root"


# L-109, L-116
@pytest.mark.parametrize(
    ("own", "container", "pod", "reason", "message"),
    [
        pytest.param(
            ROOT,
            SecurityContext(run_as_non_root=True),
            None,
            "CreateContainerConfigError",
            f"container has runAsNonRoot and image will run as root {NON_ROOT}",
            id="runAsNonRoot as root",
        ),
        pytest.param(
            ROOT,
            None,
            PodSecurityContext(run_as_user=0, run_as_non_root=True),
            "CreateContainerConfigError",
            f"container's runAsUser breaks non-root policy {NON_ROOT}",
            id="runAsNonRoot and runAsUser 0",
        ),
        pytest.param(
            KIM,
            SecurityContext(run_as_user=1001),
            None,
            "CreateContainerError",
            "cannot take user 1001 (runAsUser): minikubelet is not root and has user 1000" + HINT,
            id="another user",
        ),
        pytest.param(
            KIM,
            SecurityContext(run_as_group=27),
            None,
            "CreateContainerError",
            "cannot take group 27 (runAsGroup): minikubelet is not root and has group 1000" + HINT,
            id="another first group",
        ),
        pytest.param(
            KIM,
            None,
            PodSecurityContext(fs_group=5),
            "CreateContainerError",
            "cannot take group 5 (supplementalGroups or fsGroup):"
            " minikubelet is not root and has groups 1000, 27" + HINT,
            id="a foreign group",
        ),
    ],
)
def test_what_is_refused(
    own: Identity,
    container: SecurityContext | None,
    pod: PodSecurityContext | None,
    reason: str,
    message: str,
) -> None:
    with pytest.raises(ContainerStartError) as raised:
        user_of(own, container, pod)
    assert (raised.value.reason, raised.value.message) == (reason, message)


@pytest.mark.parametrize(
    ("directory", "file", "user", "groups", "readable"),
    [
        pytest.param(0o711, 0o644, UNKNOWN_USER, (), True, id="open to everybody"),
        pytest.param(0o700, 0o644, UNKNOWN_USER, (), False, id="behind a private directory"),
        pytest.param(0o711, 0o600, UNKNOWN_USER, (), False, id="a private file"),
        pytest.param(0o750, 0o640, UNKNOWN_USER, (os.getegid(),), True, id="by its group"),
        pytest.param(0o700, 0o600, os.geteuid(), (), True, id="by its owner"),
        pytest.param(0o000, 0o000, 0, (), True, id="root reads everything"),
    ],
)
def test_may_read(
    directory: int, file: int, user: int, groups: tuple[int, ...], readable: bool
) -> None:
    # Not below `tmp_path`, which pytest keeps from other users.
    with tempfile.TemporaryDirectory(prefix="mk", dir="/tmp") as open_to_all:
        top = Path(open_to_all)
        top.chmod(0o711)
        assert may_read(_a_file(top, directory, file), user, groups) is readable


def _a_file(top: Path, directory: int, file: int) -> Path:
    place = top / "place"
    place.mkdir()
    path = place / "file"
    path.touch()
    path.chmod(file)
    place.chmod(directory)
    return path
