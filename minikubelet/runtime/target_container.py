"""What an ephemeral container gets from its target (L-255).

Role: namespaces are shared by all processes of a host anyway; the target's environment and working
directory are what is left of entering it.
"""

from __future__ import annotations

from dataclasses import replace

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
        working_dir=container.working_dir or _working_dir(pod, target, catalog, layout),
    )


def _working_dir(pod: Pod, target: Container, catalog: ImageCatalog, layout: Layout) -> str:
    if target.working_dir:
        return target.working_dir
    try:
        of_image = resolve_command(target, catalog).working_dir
    except (ImageNameError, ImageNotMappedError, NoCommandError):
        of_image = ""
    own = layout.container_dir(pod.metadata.uid, target.name) / "work"
    return of_image or (str(own) if own.is_dir() else "")
