"""From a container of a manifest to the launch of one instance (L-106 … L-117).

Role: resolve everything that Kubernetes has rules for (command, environment, user, directory,
mounts, limits) into a `LaunchSpec`, and make the directories that it names. Synchronous file work:
callers keep it off the event loop.
Invariants: problems are raised in upstream's order: image, configuration, creation.
Upstream: kubernetes pkg/kubelet/kuberuntime, startContainer and generateContainerConfig.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from minikubelet.manifest.pod import Container, Pod, TerminationMessagePolicy
from minikubelet.manifest.quantity import Quantity, parse_quantity
from minikubelet.pod.environment import ContainerConfigError, compute_environment
from minikubelet.pod.expansion import expand
from minikubelet.pod.node_info import NodeInfo, ObjectLookup
from minikubelet.pod.oom import oom_score_adj
from minikubelet.pod.qos import compute_qos_class
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.image_reference import ImageNameError
from minikubelet.runtime.images import (
    MOCK,
    ImageCatalog,
    ImageNotMappedError,
    NoCommandError,
    ResolvedCommand,
    resolve_command,
)
from minikubelet.runtime.instance_files import (
    env_file_reader,
    make_instance_dir,
    make_work_dir,
    write_hosts,
)
from minikubelet.runtime.launch import LaunchSpec, Mount
from minikubelet.runtime.layout import Layout, make_dir
from minikubelet.runtime.mock_command import mock_command
from minikubelet.runtime.target_container import with_target
from minikubelet.runtime.termination_log import TerminationLog, plan_termination_log
from minikubelet.runtime.users import ProcessUser, forbids_escalation, own_identity, process_user
from minikubelet.runtime.volumes import mounts_of
from minikubelet.value_class import dataclass

TERMINATION_LOG_VARIABLE = "MINIKUBELET_TERMINATION_LOG"

_CONFIG_ERROR = "CreateContainerConfigError"
_CREATE_ERROR = "CreateContainerError"


@dataclass(frozen=True, slots=True)
class Launch:
    """One instance, ready to be started."""

    spec: LaunchSpec
    command: ResolvedCommand
    """As people write it: `minikubelet mock …` where `spec.argv` says how that is started."""
    environment: Mapping[str, str]
    """What the manifest gives: the part of `spec.env` that references see."""


def build_launch(
    pod: Pod,
    container: Container,
    *,
    container_id: str,
    restart_count: int,
    node: NodeInfo,
    layout: Layout,
    lookup: ObjectLookup,
    catalog: ImageCatalog,
    base_environment: Mapping[str, str],
    services: Mapping[str, str] | None = None,
    die_with_owner: bool = False,
) -> Launch:
    """Prepare one instance; the volumes of the pod are there already.

    `base_environment` is what every process needs (PATH, HOME, USER, LANG, TMPDIR); `services` the
    variables of L-135. Raises ContainerStartError with the reason and text of its status, before
    any directory is made.
    """
    container = with_target(pod, container, catalog, layout)
    command = _resolve(container, catalog)
    try:
        environment = compute_environment(
            pod, container, node, lookup, env_file_reader(pod, layout), services or {}
        )
    except ContainerConfigError as err:
        raise ContainerStartError(_CONFIG_ERROR, str(err)) from err
    mounts = mounts_of(pod, container, layout, environment)
    user = process_user(pod, container, own_identity())
    command = _expand(command, container, catalog, environment)
    argv = command.argv
    if argv[0] == MOCK:
        argv = (*mock_command(user.user, user.groups or (), node.ip), *argv[1:])
        command = dataclasses.replace(command, argv=("minikubelet", "mock", *command.argv[1:]))
    cwd = container.working_dir or command.working_dir
    if cwd and not cwd.startswith("/"):
        raise ContainerStartError(
            _CREATE_ERROR, f'working directory "{cwd}" is not an absolute path'
        )
    uid, meta = pod.metadata.uid, pod.metadata
    instance_dir = layout.instance_dir(uid, container.name, container_id)
    other_user = user.user is not None
    private_log = make_instance_dir(instance_dir, shared=other_user)
    log_path = layout.log_path(meta.namespace, meta.name, uid, container.name, restart_count)
    # Not left to the first line: a directory that is not there cannot be watched.
    make_dir(log_path.parent, 0o755)
    texts = (*argv, *environment.values())
    termination = _termination_log(container, private_log, mounts, texts, other_user=other_user)
    spec = LaunchSpec(
        container_id=container_id,
        instance_dir=str(instance_dir),
        socket_path=str(layout.socket_path(container_id)),
        pod_name=meta.name,
        pod_namespace=meta.namespace,
        pod_uid=uid,
        container_name=container.name,
        restart_count=restart_count,
        argv=argv,
        env={
            **_base(pod, container, base_environment, user),
            TERMINATION_LOG_VARIABLE: str(private_log),
            **command.env,
            **environment,
        },
        cwd=cwd or str(make_work_dir(pod, container, layout, user)),
        user=user.user,
        group=user.group,
        groups=user.groups,
        no_new_privileges=forbids_escalation(container),
        oom_score_adj=_oom_score_adj(pod, container, node),
        stdin=container.stdin,
        stdin_once=container.stdin_once,
        tty=container.tty,
        log_path=str(log_path),
        termination_log=termination.path,
        termination_log_remove=termination.remove,
        termination_fallback_to_logs=(
            container.termination_message_policy
            == TerminationMessagePolicy.FALLBACK_TO_LOGS_ON_ERROR
        ),
        mounts=(*mounts, *_own_mounts(pod, layout, termination)),
        memory_limit_bytes=_limit(container, "memory", Quantity.value),
        cpu_limit_millis=_limit(container, "cpu", Quantity.milli_value),
        die_with_owner=die_with_owner,
    )
    return Launch(spec, command, environment)


def _resolve(container: Container, catalog: ImageCatalog) -> ResolvedCommand:
    try:
        return resolve_command(container, catalog)
    except ImageNameError as err:
        raise ContainerStartError("InvalidImageName", str(err)) from err
    except ImageNotMappedError as err:
        raise ContainerStartError("ErrImagePull", str(err)) from err
    except NoCommandError as err:
        raise ContainerStartError(_CREATE_ERROR, str(err)) from err


def _expand(
    command: ResolvedCommand,
    container: Container,
    catalog: ImageCatalog,
    environment: Mapping[str, str],
) -> ResolvedCommand:
    """References in the manifest's words are replaced; the image's own words stay as they are
    (L-132)."""
    written = (*container.command, *container.args)
    expanded = tuple(expand(word, environment) for word in written)
    if expanded == written:
        return command
    split = len(container.command)
    return _resolve(
        dataclasses.replace(container, command=expanded[:split], args=expanded[split:]), catalog
    )


def _base(
    pod: Pod, container: Container, base_environment: Mapping[str, str], user: ProcessUser
) -> dict[str, str]:
    """What lies below the manifest's variables (L-136)."""
    base = {**base_environment, "HOSTNAME": pod.hostname}
    if container.tty:
        base["TERM"] = "xterm"
    if user.home is not None:
        base["HOME"] = user.home
        base.pop("USER", None)
    if user.name is not None:
        base["USER"] = user.name
    return base


def _termination_log(
    container: Container,
    private: Path,
    mounts: tuple[Mount, ...],
    texts: tuple[str, ...],
    *,
    other_user: bool,
) -> TerminationLog:
    """Where another user may make files nobody can tell."""
    wanted = Path(container.termination_message_path)
    possible = not other_user and wanted.parent.is_dir() and not wanted.exists()
    return plan_termination_log(str(wanted), str(private), mounts, texts, possible)


def _own_mounts(pod: Pod, layout: Layout, termination: TerminationLog) -> tuple[Mount, ...]:
    mounts = () if termination.mount is None else (termination.mount,)
    if pod.spec.host_aliases:
        mounts = (*mounts, Mount(str(write_hosts(pod, layout)), "/etc/hosts"))
    return mounts


def _oom_score_adj(pod: Pod, container: Container, node: NodeInfo) -> int | None:
    """None where it cannot be set: only root may make a process less likely to be killed than
    itself."""
    if node.memory_bytes <= 0:
        return None
    score = oom_score_adj(pod, container, compute_qos_class(pod), node.memory_bytes)
    try:
        own = int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))
    except OSError:
        return None
    return score if own_identity().is_root or score >= own else None


def _limit(container: Container, resource: str, measure: Callable[[Quantity], int]) -> int | None:
    text = container.resources.limits.get(resource)
    return None if text is None else measure(parse_quantity(text)) or None
