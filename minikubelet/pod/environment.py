"""The environment of one container (L-124 … L-135).

Role: `envFrom`, then `env`, then service variables, with `$(NAME)` expanded: what Kubernetes itself
gives. What a process needs beyond that (PATH, HOSTNAME …) is put underneath by the launcher, where
no reference sees it (L-131).
Invariants: same arguments, same answer; of several problems the first in upstream's order is
reported.
Upstream: kubernetes pkg/kubelet, makeEnvironmentVariables. Pure.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from types import MappingProxyType

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import (
    Container,
    EnvFromRef,
    EnvVarSource,
    FileKeySelector,
    KeySelector,
    Pod,
)
from minikubelet.pod.downward import DownwardAPIError, field_value, resource_value
from minikubelet.pod.expansion import expand
from minikubelet.pod.node_info import NodeInfo, ObjectLookup

EnvFileReader = Callable[[str, str], str]
"""`read(volume_name, path)`: text of a file in a volume of the pod; OSError or ValueError."""

NO_SERVICES: Mapping[str, str] = MappingProxyType({})


class ContainerConfigError(Exception):
    """A container cannot be configured: the message of CreateContainerConfigError (L-108)."""


def compute_environment(
    pod: Pod,
    container: Container,
    node: NodeInfo,
    lookup: ObjectLookup,
    read_env_file: EnvFileReader,
    services: Mapping[str, str] = NO_SERVICES,
) -> dict[str, str]:
    """The variables that the manifest and the services give.

    Raises ContainerConfigError. Bytes of a Secret that are not UTF-8 come as surrogates, as in
    `os.environ`.
    """
    values: dict[str, str] = {}
    for source in container.env_from:
        for key, value in _env_from(pod, source.config_map_ref, source.secret_ref, lookup).items():
            values[source.prefix + key] = value
    visible = ChainMap(values, dict(services))
    for variable in container.env:
        if variable.value or variable.value_from is None:
            values[variable.name] = expand(variable.value, visible)
            continue
        try:
            found = _value_from(pod, container, node, lookup, read_env_file, variable.value_from)
        except DownwardAPIError as err:
            raise ContainerConfigError(str(err)) from err
        if found is not None:
            values[variable.name] = found
    return {**services, **values}


def parse_env_file(text: str) -> dict[str, str]:
    """The variables of a file of `KEY='value'` lines (L-128); a value may span lines.

    Raises ValueError with the number of the first line that is not understood.
    """
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _ENV_FILE_ITEM.match(text, position)
        if match is None:
            line = text.count("\n", 0, position) + 1
            raise ValueError(f"line {line}: expected KEY='value'")
        if match["key"] is not None:
            values[match["key"]] = match["value"]
        position = match.end()
    return values


# One blank line, comment or assignment; the value is everything between its two single quotes.
_ENV_FILE_ITEM = re.compile(
    r"[ \t]*(?:(?P<key>[^\s=#'][^\s=']*)='(?P<value>[^']*)'[ \t]*|\#[^\n]*)?(?:\r?\n|\Z)"
)


def _env_from(
    pod: Pod, config_map_ref: EnvFromRef | None, secret_ref: EnvFromRef | None, lookup: ObjectLookup
) -> dict[str, str]:
    namespace = pod.metadata.namespace
    if config_map_ref is not None:
        config_map = lookup.config_map(namespace, config_map_ref.name)
        if config_map is not None:
            return dict(config_map.data)
        if not config_map_ref.optional:
            raise ContainerConfigError(f"configmap {go_quote(config_map_ref.name)} not found")
    elif secret_ref is not None:
        secret = lookup.secret(namespace, secret_ref.name)
        if secret is not None:
            return {key: _text(value) for key, value in secret.data.items()}
        if not secret_ref.optional:
            raise ContainerConfigError(f"secret {go_quote(secret_ref.name)} not found")
    return {}


def _value_from(
    pod: Pod,
    container: Container,
    node: NodeInfo,
    lookup: ObjectLookup,
    read_env_file: EnvFileReader,
    source: EnvVarSource,
) -> str | None:
    """None leaves the variable as it is: something optional is missing."""
    namespace = pod.metadata.namespace
    if source.field_ref is not None:
        return field_value(pod, node, source.field_ref.field_path)
    if source.resource_field_ref is not None:
        selector = source.resource_field_ref
        return resource_value(pod, node, selector.container_name or container.name, selector)
    if source.config_map_key_ref is not None:
        config_map_key = source.config_map_key_ref
        config_map = lookup.config_map(namespace, config_map_key.name)
        data = None if config_map is None else config_map.data
        return _key_of(data, config_map_key, "ConfigMap", namespace)
    if source.secret_key_ref is not None:
        secret_key = source.secret_key_ref
        secret = lookup.secret(namespace, secret_key.name)
        found = (
            None if secret is None else {key: _text(value) for key, value in secret.data.items()}
        )
        return _key_of(found, secret_key, "Secret", namespace)
    if source.file_key_ref is not None:
        return _file_key(source.file_key_ref, read_env_file)
    return ""


def _key_of(
    data: Mapping[str, str] | None, selector: KeySelector, kind: str, namespace: str
) -> str | None:
    if data is not None and selector.key in data:
        return data[selector.key]
    if selector.optional:
        return None
    if data is None:
        raise ContainerConfigError(f"{kind.lower()} {go_quote(selector.name)} not found")
    raise ContainerConfigError(
        f"couldn't find key {selector.key} in {kind} {namespace}/{selector.name}"
    )


def _file_key(selector: FileKeySelector, read_env_file: EnvFileReader) -> str | None:
    try:
        values = parse_env_file(read_env_file(selector.volume_name, selector.path))
    except FileNotFoundError as err:
        if selector.optional:
            return None
        raise ContainerConfigError("couldn't parse env file") from err
    except (OSError, ValueError) as err:
        raise ContainerConfigError("couldn't parse env file") from err
    if selector.key in values:
        return values[selector.key]
    if selector.optional:
        return None
    raise ContainerConfigError(
        f"environment variable key {go_quote(selector.key)} not found"
        f" in file {go_quote(selector.path)}"
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
