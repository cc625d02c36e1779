"""From a container to its launch."""

from __future__ import annotations

import dataclasses
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from minikubelet.manifest.pod import (
    Container,
    EmptyDirVolume,
    EnvFromRef,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    FileKeySelector,
    HostAlias,
    KeySelector,
    Pod,
    PodSecurityContext,
    ResourceRequirements,
    SecurityContext,
    Volume,
    VolumeMount,
)
from minikubelet.pod.node_info import NodeInfo
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.image_catalog import BUILTIN
from minikubelet.runtime.image_reference import ImagePattern
from minikubelet.runtime.images import CatalogEntry, ImageCatalog, ImageConfig
from minikubelet.runtime.instance_files import hosts_file
from minikubelet.runtime.launch import LaunchSpec, Mount
from minikubelet.runtime.launcher import Launch, build_launch
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.volumes import prepare_volumes
from tests.deep_trees import dig
from tests.fakes.object_lookup import FakeObjectLookup
from tests.pod.builders import a_container, a_pod

CONTAINER_ID = "process://" + "0123456789abcdef" * 4
NODE = NodeInfo("here")
BASE = {"PATH": "/bin:/usr/bin", "HOME": "/home/kim", "USER": "kim", "LANG": "C.UTF-8"}
CATALOG = ImageCatalog(
    [
        CatalogEntry(
            ImagePattern("team/api"),
            ImageConfig(("serve", "$(A)"), ("--all",), {"A": "image", "MODE": "x"}, "/srv"),
            "images.yaml",
        )
    ],
    BUILTIN,
    search_path="/nonexistent",
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "state", tmp_path / "log", tmp_path / "run")
    layout.prepare()
    return layout


def launch(
    layout: Layout,
    container: Container,
    pod: Pod | None = None,
    *,
    node: NodeInfo = NODE,
    lookup: FakeObjectLookup | None = None,
    **options: Any,
) -> Launch:
    pod = pod or a_pod(container)
    lookup = lookup or FakeObjectLookup()
    prepare_volumes(pod, layout, node, lookup)
    return build_launch(
        pod,
        container,
        container_id=CONTAINER_ID,
        restart_count=2,
        node=node,
        layout=layout,
        lookup=lookup,
        catalog=CATALOG,
        base_environment=BASE,
        **options,
    )


def instance_dir(layout: Layout) -> Path:
    return layout.state_dir / "pods/uid-1/containers/app/0123456789abcdef"


def test_a_plain_container(layout: Layout) -> None:
    container = a_container(command=("sh", "-c"), args=("echo $(A)",), env=(EnvVar("A", "1"),))
    private_log = str(instance_dir(layout) / "termination-log")
    built = launch(layout, container, die_with_owner=True)
    assert built.spec == LaunchSpec(
        container_id=CONTAINER_ID,
        instance_dir=str(instance_dir(layout)),
        socket_path=str(layout.runtime_dir / "0123456789abcdef.sock"),
        pod_name="web",
        pod_namespace="default",
        pod_uid="uid-1",
        container_name="app",
        restart_count=2,
        argv=("sh", "-c", "echo 1"),
        env={**BASE, "HOSTNAME": "web", "MINIKUBELET_TERMINATION_LOG": private_log, "A": "1"},
        cwd=str(layout.state_dir / "pods/uid-1/containers/app/work"),
        log_path=str(layout.log_dir / "default_web_uid-1/app/2.log"),
        termination_log=private_log,
        die_with_owner=True,
    )
    assert built.command.source == "manifest"
    assert built.environment == {"A": "1"}


def test_the_image_lies_below_the_manifest(layout: Layout) -> None:  # L-114, L-132, L-136
    container = a_container(image="team/api", command=(), env=(EnvVar("A", "mine"),))
    spec = launch(layout, container).spec
    assert spec.argv == ("serve", "$(A)", "--all")
    assert (spec.env["A"], spec.env["MODE"], spec.cwd) == ("mine", "x", "/srv")
    spec = launch(layout, dataclasses.replace(container, args=("$(A)",), working_dir="/")).spec
    assert (spec.argv, spec.cwd) == (("serve", "$(A)", "mine"), "/")


def test_the_manifest_may_replace_what_every_process_gets(layout: Layout) -> None:  # L-136
    container = a_container(env=(EnvVar("PATH", "/opt:$(PATH)"), EnvVar("HOSTNAME", "other")))
    env = launch(layout, container).spec.env
    assert (env["PATH"], env["HOSTNAME"]) == ("/opt:$(PATH)", "other")


def test_streams_and_limits_are_handed_on(layout: Layout) -> None:  # L-115
    limits = ResourceRequirements(limits={"memory": "64Mi", "cpu": "1500m"})
    container = a_container(
        stdin=True,
        stdin_once=True,
        tty=True,
        resources=limits,
        termination_message_policy="FallbackToLogsOnError",
    )
    spec = launch(layout, container).spec
    assert (spec.stdin, spec.stdin_once, spec.tty) == (True, True, True)
    assert spec.env["TERM"] == "xterm"
    assert (spec.memory_limit_bytes, spec.cpu_limit_millis) == (64 * 2**20, 1500)
    assert spec.termination_fallback_to_logs


@pytest.mark.parametrize(
    ("path", "user", "mounted"),
    [
        pytest.param("{tmp}/bye", None, False, id="the process can make it"),
        pytest.param("{tmp}/none/bye", None, True, id="its directory is missing"),
        pytest.param("{tmp}/bye", 987_654, True, id="another user may not be able to make it"),
    ],
)
def test_a_termination_message_path_of_its_own(  # L-213
    path: str, user: int | None, mounted: bool, layout: Layout, tmp_path: Path
) -> None:
    if user is not None and os.getuid() != 0:
        pytest.skip("only root runs containers as another user")
    wanted = path.format(tmp=tmp_path)
    context = SecurityContext(run_as_user=user)
    container = a_container(termination_message_path=wanted, security_context=context)
    spec = launch(layout, container).spec
    private = str(instance_dir(layout) / "termination-log")
    assert (spec.termination_log, spec.mounts) == (
        (private, (Mount(private, wanted),)) if mounted else (wanted, ())
    )


@pytest.mark.parametrize(
    ("context", "withheld"),
    [
        pytest.param(None, False, id="no security context"),
        pytest.param(SecurityContext(run_as_user=1), False, id="nothing said: as with true"),
        pytest.param(SecurityContext(allow_privilege_escalation=True), False, id="allowed"),
        pytest.param(SecurityContext(allow_privilege_escalation=False), True, id="not allowed"),
    ],
)
def test_privileges_are_withheld_on_request_only(
    context: SecurityContext | None, withheld: bool, layout: Layout
) -> None:
    container = a_container(security_context=context)
    assert launch(layout, container).spec.no_new_privileges is withheld


def test_oom_score(layout: Layout) -> None:  # L-117
    node = NodeInfo("here", memory_bytes=2**30)
    assert launch(layout, a_container(), node=node).spec.oom_score_adj == 1000


def test_mounts(layout: Layout) -> None:  # L-137, L-213
    container = a_container(volume_mounts=(VolumeMount("data", "/data"),))
    pod = a_pod(
        container,
        volumes=(Volume("data", empty_dir=EmptyDirVolume()),),
        host_aliases=(HostAlias("10.1.1.1", ("db", "db.local")),),
    )
    hosts = layout.pod_dir("uid-1") / "etc-hosts"
    assert launch(layout, container, pod).spec.mounts == (
        Mount(str(layout.volumes_dir("uid-1") / "data"), "/data"),
        Mount(str(instance_dir(layout) / "termination-log"), "/dev/termination-log"),
        Mount(str(hosts), "/etc/hosts"),
    )
    assert hosts.read_text().endswith("\n# Entries added by HostAliases.\n10.1.1.1\tdb\tdb.local\n")
    assert stat.S_IMODE(hosts.stat().st_mode) == 0o644


def test_hosts_file() -> None:  # L-137
    aliases = (HostAlias("10.1.1.1", ("db", "cache")), HostAlias("::2", ("six",)))
    assert hosts_file("127.0.0.1\tlocalhost\n", aliases) == (
        "# Kubernetes-managed hosts file (host network).\n"
        "127.0.0.1\tlocalhost\n"
        "\n"
        "# Entries added by HostAliases.\n"
        "10.1.1.1\tdb\tcache\n"
        "::2\tsix\n"
    )


def test_directories_and_their_modes(layout: Layout) -> None:
    spec = launch(layout, a_container()).spec
    modes = {
        str(path.relative_to(layout.state_dir)): stat.S_IMODE(path.stat().st_mode)
        for path in layout.pod_dir("uid-1").rglob("*")
    }
    assert modes == {
        "pods/uid-1/containers": 0o711,
        "pods/uid-1/containers/app": 0o711,
        "pods/uid-1/containers/app/work": 0o700,
        "pods/uid-1/containers/app/0123456789abcdef": 0o700,
        "pods/uid-1/containers/app/0123456789abcdef/termination-log": 0o666,
    }
    assert spec.cwd == str(layout.container_dir("uid-1", "app") / "work")


def test_the_log_can_be_watched_before_anything_is_printed(layout: Layout) -> None:  # L-260
    log_path = Path(launch(layout, a_container()).spec.log_path)
    assert stat.S_IMODE(log_path.parent.stat().st_mode) == 0o755
    assert not log_path.exists()


def test_a_restart_begins_in_an_empty_directory(layout: Layout) -> None:
    left_over = Path(launch(layout, a_container()).spec.cwd) / "some" / "file"
    left_over.parent.mkdir()
    left_over.touch()
    assert list(Path(launch(layout, a_container()).spec.cwd).iterdir()) == []


def test_a_restart_gets_rid_of_directories_of_any_depth(layout: Layout) -> None:
    dig(Path(launch(layout, a_container()).spec.cwd))
    assert list(Path(launch(layout, a_container()).spec.cwd).iterdir()) == []


def test_an_env_file_of_a_volume(layout: Layout) -> None:  # L-128
    source = EnvVarSource(file_key_ref=FileKeySelector("data", "app.env", "A"))
    container = a_container(env=(EnvVar("V", value_from=source),))
    pod = a_pod(container, volumes=(Volume("data", empty_dir=EmptyDirVolume()),))
    prepare_volumes(pod, layout, NODE, FakeObjectLookup())
    file = layout.volumes_dir("uid-1") / "data" / "app.env"
    file.write_text("A='1'\n")
    assert launch(layout, container, pod).environment == {"V": "1"}
    outside = layout.state_dir / "outside.env"
    file.rename(outside)
    file.symlink_to(outside)
    with pytest.raises(ContainerStartError, match=r"^couldn't parse env file$"):
        launch(layout, container, pod)


MISSING = (EnvVar("V", value_from=EnvVarSource(secret_key_ref=KeySelector("login", "k"))),)


# L-106, L-108, L-109, L-116
@pytest.mark.parametrize(
    ("container", "reason", "message"),
    [
        pytest.param(
            a_container(image="team/web", command=(), env=MISSING),
            "ErrImagePull",
            'no local command for image "team/web":'
            " set command in the manifest, or map the image in images.yaml",
            id="an unknown image, before anything else",
        ),
        pytest.param(
            a_container(image="team/web:v1:v2"),
            "InvalidImageName",
            'Failed to apply default image tag "team/web:v1:v2":'
            ' couldn\'t parse image name "team/web:v1:v2": invalid reference format',
            id="no image name, though there is a command",
        ),
        pytest.param(
            a_container(env=MISSING),
            "CreateContainerConfigError",
            'secret "login" not found',
            id="env",
        ),
        pytest.param(
            a_container(env_from=(EnvFromSource(config_map_ref=EnvFromRef("settings")),)),
            "CreateContainerConfigError",
            'configmap "settings" not found',
            id="envFrom",
        ),
        pytest.param(
            a_container(volume_mounts=(VolumeMount("none", "/data"),)),
            "CreateContainerConfigError",
            'cannot find volume "none" to mount into container "app"',
            id="a volume",
        ),
        pytest.param(
            a_container(working_dir="relative"),
            "CreateContainerError",
            'working directory "relative" is not an absolute path',
            id="a relative working directory",
        ),
    ],
)
def test_what_cannot_be_launched(
    layout: Layout, container: Container, reason: str, message: str
) -> None:
    with pytest.raises(ContainerStartError) as raised:
        launch(layout, container)
    assert (raised.value.reason, raised.value.message) == (reason, message)
    assert not layout.container_dir("uid-1", "app").exists()


def test_the_mock_runs_without_path_and_directory(layout: Layout) -> None:
    container = a_container(image="luksa/kubia", command=())
    built = launch(layout, container)
    interpreter, *options, script, image = built.spec.argv
    assert built.command.argv == ("minikubelet", "mock", "kubia")
    assert (interpreter, options, image) == (sys.executable, ["-I", "-S"], "kubia")
    assert Path(script).is_file()
    address = NodeInfo("here", "10.0.0.7")
    argv = launch(layout, container, node=address).spec.argv
    assert argv[-5:] == ("--bind", "127.0.0.1", "--bind", "10.0.0.7", "kubia")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another user")
def test_another_user(layout: Layout) -> None:  # L-116
    container = a_container(security_context=SecurityContext(run_as_user=987_654))
    pod = a_pod(container, security_context=PodSecurityContext(run_as_group=5, fs_group=7))
    spec = launch(layout, container, pod).spec
    assert (spec.user, spec.group, spec.groups) == (987_654, 5, (5, 7))
    assert spec.env["HOME"] == "/"
    assert "USER" not in spec.env
    owner = Path(spec.cwd).stat()
    assert (owner.st_uid, owner.st_gid) == (987_654, 5)
    assert stat.S_IMODE(instance_dir(layout).stat().st_mode) == 0o711


def test_an_ephemeral_container_gets_its_targets_surroundings(layout: Layout) -> None:  # L-255
    target = a_container(env=(EnvVar("A", "1"), EnvVar("B", "2")), working_dir="/srv")
    debug = a_container("d", env=(EnvVar("B", "own"),), target_container_name="app")
    made = launch(layout, debug, a_pod(target, ephemeral_containers=(debug,)))
    assert made.environment == {"A": "1", "B": "own"}
    assert made.spec.cwd == "/srv"


def test_an_ephemeral_container_is_in_its_targets_own_directory(layout: Layout) -> None:
    debug = a_container("d", target_container_name="app")
    pod = a_pod(a_container(), ephemeral_containers=(debug,))
    target = launch(layout, pod.spec.containers[0], pod)
    assert launch(layout, debug, pod).spec.cwd == target.spec.cwd


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another user")
def test_an_ephemeral_container_stays_out_of_a_directory_of_another_user(layout: Layout) -> None:
    debug = a_container("d", target_container_name="app")
    target = a_container(security_context=SecurityContext(run_as_user=987_654))
    shared = PodSecurityContext(run_as_user=987_653)
    pod = a_pod(target, ephemeral_containers=(debug,), security_context=shared)
    targets = Path(launch(layout, target, pod).spec.cwd)
    targets.chmod(0o700)
    own = Path(launch(layout, debug, pod).spec.cwd)
    assert own != targets
    assert own.stat().st_uid == 987_653


def test_an_ephemeral_container_stays_out_of_its_targets_volumes(layout: Layout) -> None:
    target = a_container(working_dir="/no/such/directory/of/the/host")
    debug = a_container("d", target_container_name="app")
    cwd = launch(layout, debug, a_pod(target, ephemeral_containers=(debug,))).spec.cwd
    assert Path(cwd).is_dir()


def test_an_unknown_target_is_refused(layout: Layout) -> None:  # L-255
    debug = a_container("d", target_container_name="nobody")
    with pytest.raises(ContainerStartError) as caught:
        launch(layout, debug, a_pod(ephemeral_containers=(debug,)))
    assert (caught.value.reason, caught.value.message) == (
        "CreateContainerConfigError",
        "unable to find target container nobody",
    )
