"""Rules for security contexts: ids in range, profiles well formed, no contradictions.

Role: `spec.securityContext` and those of containers → field errors in upstream's order. Whether a
setting has an effect here is the support table's concern.
Upstream: pkg/apis/core/validation, ValidateSecurityContext. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.pod import PodSecurityContext, PodSpec, SecurityContext, TypedProfile
from minikubelet.manifest.validate_paths import validate_descending_path

_PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
_PROC_MOUNTS = ("Default", "Unmasked")
_CHANGE_POLICIES = ("Always", "OnRootMismatch")
_GROUPS_POLICIES = ("Merge", "Strict")


def validate_pod_security(spec: PodSpec, path: FieldPath) -> Iterator[FieldError]:
    """`path` is that of the spec: some of the fields stand beside securityContext."""
    context = spec.security_context or PodSecurityContext()
    at = path.child("securityContext")
    yield from _validate_id(context.fs_group, at.child("fsGroup"))
    yield from _validate_id(context.run_as_user, at.child("runAsUser"))
    yield from _validate_id(context.run_as_group, at.child("runAsGroup"))
    for index, group in enumerate(context.supplemental_groups):
        yield from _validate_id(group, at.child("supplementalGroups").index(index))
    if spec.share_process_namespace and spec.host_pid:
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid(at.child("shareProcessNamespace"), True, detail)
    if context.fs_group_change_policy not in {None, *_CHANGE_POLICIES}:
        value = context.fs_group_change_policy
        yield not_supported(at.child("fsGroupChangePolicy"), value, _CHANGE_POLICIES)
    yield from _validate_seccomp(context.seccomp_profile, at.child("seccompProfile"))
    yield from _validate_app_armor(context.app_armor_profile, at.child("appArmorProfile"))
    if context.supplemental_groups_policy not in {None, *_GROUPS_POLICIES}:
        value = context.supplemental_groups_policy
        yield not_supported(at.child("supplementalGroupsPolicy"), value, _GROUPS_POLICIES)


def validate_host_users(spec: PodSpec, path: FieldPath) -> Iterator[FieldError]:
    """A user namespace of its own does not go with the host's other namespaces."""
    if spec.host_users is not False:
        return
    for name, wanted in (
        ("hostNetwork", spec.host_network),
        ("HostPID", spec.host_pid),
        ("HostIPC", spec.host_ipc),
    ):
        if wanted:
            yield forbidden(path.child(name), "when `pod.Spec.HostUsers` is false")


def validate_security_context(
    context: SecurityContext, path: FieldPath, *, host_users: bool
) -> Iterator[FieldError]:
    yield from _validate_id(context.run_as_user, path.child("runAsUser"))
    yield from _validate_id(context.run_as_group, path.child("runAsGroup"))
    if context.proc_mount not in {None, *_PROC_MOUNTS}:
        yield not_supported(path.child("procMount"), context.proc_mount, _PROC_MOUNTS)
    if context.proc_mount == "Unmasked" and host_users:
        detail = "`hostUsers` must be false to use `Unmasked`"
        yield invalid(path.child("procMount"), context.proc_mount, detail)
    yield from _validate_seccomp(context.seccomp_profile, path.child("seccompProfile"))
    if context.allow_privilege_escalation is False:
        given: dict[str, object] = {"allowPrivilegeEscalation": False}
        if context.privileged:
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            yield invalid(path, given | {"privileged": True}, detail)
        if "CAP_SYS_ADMIN" in context.capabilities_add:
            added = {"capabilities": {"add": list(context.capabilities_add)}}
            detail = (
                "cannot set `allowPrivilegeEscalation` to false "
                "and `capabilities.Add` CAP_SYS_ADMIN"
            )
            yield invalid(path, given | added, detail)
    yield from _validate_app_armor(context.app_armor_profile, path.child("appArmorProfile"))


def _validate_id(value: int | None, path: FieldPath) -> Iterator[FieldError]:
    if value is not None:
        for detail in names.user_or_group_id(value):
            yield invalid(path, value, detail)


def _validate_seccomp(profile: TypedProfile | None, path: FieldPath) -> Iterator[FieldError]:
    if profile is None:
        return
    yield from _validate_profile_type(profile, "seccompProfile", path)
    at = path.child("localhostProfile")
    if profile.type == "Localhost":
        if profile.localhost_profile is None:
            yield required(at, "must be set when seccomp type is Localhost")
        else:
            yield from validate_descending_path(profile.localhost_profile, at)
    elif profile.localhost_profile is not None:
        detail = "can only be set when seccomp type is Localhost"
        yield invalid(at, profile.localhost_profile, detail)


def _validate_app_armor(profile: TypedProfile | None, path: FieldPath) -> Iterator[FieldError]:
    if profile is None:
        return
    yield from _validate_profile_type(profile, "appArmorProfile", path)
    at = path.child("localhostProfile")
    name = profile.localhost_profile
    if profile.type == "Localhost":
        if not (name or "").strip():
            yield required(at, "must be set when AppArmor type is Localhost")
        elif name != (name or "").strip():
            yield invalid(at, name, "must not be padded with whitespace")
    elif name is not None:
        yield invalid(at, name, "can only be set when AppArmor type is Localhost")


def _validate_profile_type(
    profile: TypedProfile, field_name: str, path: FieldPath
) -> Iterator[FieldError]:
    if not profile.type:
        yield required(path.child("type"), f"type is required when {field_name} is set")
    elif profile.type not in _PROFILE_TYPES:
        yield not_supported(path.child("type"), profile.type, _PROFILE_TYPES)
