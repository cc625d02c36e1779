"""What an ephemeral container gets from its target (L-255).

Role: namespaces are shared by all processes of a host anyway; the target's environment and working
directory are what is left of entering it. The directory counts only where the container can be in
it: it may have another user, and has not the target's volumes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from minikubelet.manifest.pod import Container, Pod
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.image_reference import ImageNameError
from minikubelet.runtime.images import (
    ImageCatalog,
    ImageNotMappedError,
    NoCommandError,
    resolve_command,
)
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.users import may_enter, own_identity, process_user


def with_target(pod: Pod, container: Container, catalog: ImageCatalog, layout: Layout) -> Container:
    """The container with its target's variables beneath its own, and in its target's directory.

    Raises ContainerStartError when the pod has no such target.
    """
    name = container.target_container_name
    if not name:
        return container
    target = next((c for c in pod.containers() if c.name == name), None)
    if target is None:
        text = f"unable to find target container {name}"
        raise ContainerStartError("CreateContainerConfigError", text)
    return replace(
        container,
        env_from=(*target.env_from, *container.env_from),
        env=(*target.env, *container.env),
        working_dir=container.working_dir or _shared_dir(pod, container, target, catalog, layout),
    )


def _shared_dir(
    pod: Pod, container: Container, target: Container, catalog: ImageCatalog, layout: Layout
) -> str:
    """The target's directory, or nothing where the container could not start in it."""
    directory = _working_dir(pod, target, catalog, layout)
    own = own_identity()
    user = process_user(pod, container, own)
    uid = own.user if user.user is None else user.user
    groups = own.groups if user.groups is None else user.groups
    return directory if directory and may_enter(Path(directory), uid, groups) else ""


def _working_dir(pod: Pod, target: Container, catalog: ImageCatalog, layout: Layout) -> str:
    if target.working_dir:
        return target.working_dir
    try:
        of_image = resolve_command(target, catalog).working_dir
    except (ImageNameError, ImageNotMappedError, NoCommandError):
        of_image = ""
    own = layout.container_dir(pod.metadata.uid, target.name) / "work"
    return of_image or (str(own) if own.is_dir() else "")
