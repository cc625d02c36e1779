"""The security contexts of a Pod and its containers, from JSON. Pure; see `decode.py`."""

from __future__ import annotations

from minikubelet.manifest.decode_values import JSONObject, object_or_none, scalars, value_or
from minikubelet.manifest.pod import PodSecurityContext, SecurityContext, TypedProfile


def decode_pod_security_context(document: JSONObject) -> PodSecurityContext:
    return PodSecurityContext(
        run_as_user=document.get("runAsUser"),
        run_as_group=document.get("runAsGroup"),
        run_as_non_root=document.get("runAsNonRoot"),
        supplemental_groups=scalars(document, "supplementalGroups"),
        fs_group=document.get("fsGroup"),
        fs_group_change_policy=document.get("fsGroupChangePolicy"),
        supplemental_groups_policy=document.get("supplementalGroupsPolicy"),
        seccomp_profile=object_or_none(document, "seccompProfile", _decode_profile),
        app_armor_profile=object_or_none(document, "appArmorProfile", _decode_profile),
    )


def decode_security_context(document: JSONObject) -> SecurityContext:
    return SecurityContext(
        run_as_user=document.get("runAsUser"),
        run_as_group=document.get("runAsGroup"),
        run_as_non_root=document.get("runAsNonRoot"),
        privileged=document.get("privileged"),
        allow_privilege_escalation=document.get("allowPrivilegeEscalation"),
        capabilities_add=scalars(value_or(document, "capabilities", {}), "add"),
        proc_mount=document.get("procMount"),
        seccomp_profile=object_or_none(document, "seccompProfile", _decode_profile),
        app_armor_profile=object_or_none(document, "appArmorProfile", _decode_profile),
    )


def _decode_profile(document: JSONObject) -> TypedProfile:
    return TypedProfile(value_or(document, "type", ""), document.get("localhostProfile"))
