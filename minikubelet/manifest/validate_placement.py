"""Rules for where a pod may run and which names it resolves.

Role: tolerations, node affinity, gates, dnsConfig and hostAliases → field errors in upstream's
order (L-43, L-50). Upstream: pkg/apis/core/validation. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.placement import (
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodDNSConfig,
    Toleration,
)
from minikubelet.manifest.pod import HostAlias
from minikubelet.manifest.validate_metadata import checked

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_NAMESERVERS_MAX = 3
_SEARCHES_MAX = 32
_SEARCH_LIST_MAX = 2048
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def validate_dns_policy(policy: str, path: FieldPath) -> Iterator[FieldError]:
    if policy not in _DNS_POLICIES:
        yield not_supported(path, policy, _DNS_POLICIES)


def validate_dns_config(
    config: PodDNSConfig | None, policy: str, path: FieldPath
) -> Iterator[FieldError]:
    if policy == "None":
        if config is None:
            yield required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.nameservers:
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield required(path.child("nameservers"), detail)
            return
    if config is None:
        return
    servers, searches = path.child("nameservers"), path.child("searches")
    if len(config.nameservers) > _NAMESERVERS_MAX:
        detail = f"must not have more than {_NAMESERVERS_MAX} nameservers"
        yield invalid(servers, list(config.nameservers), detail)
    for index, server in enumerate(config.nameservers):
        yield from checked(servers.index(index), server, names.ip_address)
    if len(config.searches) > _SEARCHES_MAX:
        detail = f"must not have more than {_SEARCHES_MAX} search paths"
        yield invalid(searches, list(config.searches), detail)
    if len(" ".join(config.searches)) > _SEARCH_LIST_MAX:
        detail = (
            f"must not have more than {_SEARCH_LIST_MAX} characters (including spaces) "
            "in the search list"
        )
        yield invalid(searches, list(config.searches), detail)
    for index, search in enumerate(config.searches):
        if search != ".":
            yield from checked(searches.index(index), search.removesuffix("."), names.dns_search)
    for index, option in enumerate(config.options):
        if not option.name:
            yield required(path.child("options").index(index), "must not be empty")


def validate_host_aliases(aliases: tuple[HostAlias, ...], path: FieldPath) -> Iterator[FieldError]:
    for index, alias in enumerate(aliases):
        at = path.index(index)
        yield from checked(at.child("ip"), alias.ip, names.ip_address)
        for number, hostname in enumerate(alias.hostnames):
            yield from checked(at.child("hostnames").index(number), hostname, names.dns_subdomain)


def validate_readiness_gates(gates: tuple[str, ...], path: FieldPath) -> Iterator[FieldError]:
    for index, condition in enumerate(gates):
        yield from checked(
            path.index(index).child("conditionType"), condition, names.qualified_name
        )


def validate_scheduling_gates(gates: tuple[str, ...], path: FieldPath) -> Iterator[FieldError]:
    for index, gate in enumerate(gates):
        yield from checked(path.index(index), gate, names.qualified_name)
        if gate in gates[:index]:
            yield duplicate(path.index(index), gate)


def validate_tolerations(
    tolerations: tuple[Toleration, ...], path: FieldPath
) -> Iterator[FieldError]:
    for index, toleration in enumerate(tolerations):
        yield from _validate_toleration(toleration, path.index(index))


def _validate_toleration(toleration: Toleration, path: FieldPath) -> Iterator[FieldError]:
    operator, value = toleration.operator, toleration.value
    yield from checked(path.child("key"), toleration.key, names.qualified_name, empty_is_fine=True)
    if not toleration.key and operator != "Exists":
        detail = (
            "operator must be Exists when `key` is empty, "
            'which means "match all values and all keys"'
        )
        yield invalid(path.child("operator"), operator, detail)
    if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield invalid(path.child("effect"), toleration.effect, detail)
    if operator in {"", "Equal"}:
        details = names.label_value(value)
        if details:
            yield invalid(path.child("operator"), value, ";".join(details))
    elif operator == "Exists":
        if value:
            detail = "value must be empty when `operator` is 'Exists'"
            yield invalid(path.child("operator"), value, detail)
    else:
        yield not_supported(path.child("operator"), operator, ("Equal", "Exists"))
    if toleration.effect and toleration.effect not in _EFFECTS:
        yield not_supported(path.child("effect"), toleration.effect, _EFFECTS)


def validate_node_affinity(affinity: NodeAffinity, path: FieldPath) -> Iterator[FieldError]:
    if affinity.required is not None:
        at = path.child("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
        if not affinity.required:
            yield required(at, "must have at least one node selector term")
        for index, term in enumerate(affinity.required):
            yield from _validate_term(term, at.index(index), check_values=True)
    at = path.child("preferredDuringSchedulingIgnoredDuringExecution")
    for index, preferred in enumerate(affinity.preferred):
        if not 1 <= preferred.weight <= 100:
            detail = "must be in the range 1-100"
            yield invalid(at.index(index).child("weight"), preferred.weight, detail)
        preference = at.index(index).child("preference")
        yield from _validate_term(preferred.preference, preference, check_values=False)


def _validate_term(
    term: NodeSelectorTerm, path: FieldPath, *, check_values: bool
) -> Iterator[FieldError]:
    for index, requirement in enumerate(term.match_expressions):
        at = path.child("matchExpressions").index(index)
        yield from validate_requirement(requirement, at, ordered=True, check_values=check_values)
    for index, requirement in enumerate(term.match_fields):
        yield from _validate_match_field(requirement, path.child("matchFields").index(index))


def validate_requirement(
    requirement: NodeSelectorRequirement,
    path: FieldPath,
    *,
    ordered: bool = False,
    check_values: bool = True,
) -> Iterator[FieldError]:
    """Of a selector; `ordered`: of one that knows `Gt` and `Lt` too."""
    values = path.child("values")
    match requirement.operator:
        case "In" | "NotIn":
            if not requirement.values:
                yield required(values, "must be specified when `operator` is 'In' or 'NotIn'")
        case "Exists" | "DoesNotExist":
            if requirement.values:
                detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                yield forbidden(values, detail)
        case "Gt" | "Lt" if ordered:
            if len(requirement.values) != 1:
                detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                yield required(values, detail)
        case operator:
            yield invalid(path.child("operator"), operator, "not a valid selector operator")
    yield from checked(path.child("key"), requirement.key, names.qualified_name)
    if check_values:
        for index, value in enumerate(requirement.values):
            yield from checked(values.index(index), value, names.label_value)


def _validate_match_field(
    requirement: NodeSelectorRequirement, path: FieldPath
) -> Iterator[FieldError]:
    """The only field that nodes can be selected by is their name."""
    if requirement.operator in {"In", "NotIn"}:
        if len(requirement.values) != 1:
            detail = (
                "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            )
            yield required(path.child("values"), detail)
    else:
        detail = "not a valid selector operator"
        yield invalid(path.child("operator"), requirement.operator, detail)
    if requirement.key != "metadata.name":
        yield invalid(path.child("key"), requirement.key, "not a valid field selector key")
        return
    for index, value in enumerate(requirement.values):
        yield from checked(path.child("values").index(index), value, names.dns_subdomain)
