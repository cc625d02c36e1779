"""Pods that Kubernetes refuses: metadata, and the fields of the pod as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.meta import ConfigMap, ObjectMeta, Secret
from minikubelet.manifest.placement import (
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodDNSConfig,
    PodDNSConfigOption,
    PreferredSchedulingTerm,
    Toleration,
)
from minikubelet.manifest.pod import (
    ContainerPort,
    HostAlias,
    Pod,
    PodSecurityContext,
    Volume,
)
from minikubelet.manifest.validate_data import validate_config_map, validate_secret
from minikubelet.manifest.validate_pod import validate_pod
from tests.pod.builders import a_container, a_pod

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
KEY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
IDS = "must be between 0 and 2147483647, inclusive"
IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
AFFINITY = "spec.affinity.nodeAffinity"
TERMS = f"{AFFINITY}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
PREFERRED = f"{AFFINITY}.preferredDuringSchedulingIgnoredDuringExecution"


def errors_of(pod: Pod) -> list[str]:
    return [str(error) for error in validate_pod(pod)]


@pytest.mark.parametrize(
    ("metadata", "errors"),
    [
        pytest.param({"labels": {"app.example.com/Name": ""}}, [], id="good labels"),
        pytest.param({"annotations": {"A.io/b": "any text\n"}}, [], id="any annotation"),
        pytest.param(
            {"name": ""},
            ["metadata.name: Required value: name or generateName is required"],
            id="no name",
        ),  # L-42
        pytest.param(
            {"name": "Bad"}, [f'metadata.name: Invalid value: "Bad": {SUBDOMAIN}'], id="a bad name"
        ),  # L-40
        pytest.param({"generate_name": "web-"}, [], id="a prefix may end in a hyphen"),  # L-34
        pytest.param(
            {"generate_name": "Web-"},
            [f'metadata.generateName: Invalid value: "Web-": {SUBDOMAIN}'],
            id="a bad prefix",
        ),
        pytest.param(
            {"namespace": "a.b"},
            ['metadata.namespace: Invalid value: "a.b": must not contain dots'],
            id="a namespace with dots",
        ),  # L-42
        pytest.param({"namespace": ""}, ["metadata.namespace: Required value"], id="no namespace"),
        pytest.param(
            {"labels": {"bad key": "bad value"}},
            [
                f'metadata.labels: Invalid value: "bad key": {KEY}',
                f'metadata.labels: Invalid value: "bad value": {VALUE}',
            ],
            id="a bad label",
        ),  # L-44
        pytest.param(
            {"annotations": {"bad key": "x"}},
            [f'metadata.annotations: Invalid value: "bad key": {KEY}'],
            id="a bad annotation",
        ),
        pytest.param(
            {"annotations": {"a": "x" * 2**18}},
            ["metadata.annotations: Too long: may not be more than 262144 bytes"],
            id="too many annotations",
        ),  # L-36
    ],
)
def test_metadata(metadata: dict[str, Any], errors: list[str]) -> None:
    assert errors_of(a_pod(metadata=metadata)) == errors


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        pytest.param({"termination_grace_period_seconds": 0}, [], id="no grace"),
        pytest.param({"restart_policy": "Never"}, [], id="never restarted"),
        pytest.param({"scheduling_gates": ("example.com/wait",)}, [], id="a gate"),
        pytest.param(
            {"dns_policy": "None", "dns_config": PodDNSConfig(("1.1.1.1",), ("_a.b.", "."))},
            [],
            id="names resolved elsewhere",
        ),
        pytest.param(
            {"restart_policy": "always"},
            [
                'spec.restartPolicy: Unsupported value: "always": '
                'supported values: "Always", "OnFailure", "Never"'
            ],
            id="a restart policy in lower case",
        ),  # L-46
        pytest.param({"restart_policy": ""}, ["spec.restartPolicy: Required value"], id="empty"),
        pytest.param(
            {"active_deadline_seconds": 0},
            [
                "spec.activeDeadlineSeconds: Invalid value: 0: "
                "must be between 1 and 2147483647, inclusive"
            ],
            id="no time at all",
        ),  # L-47
        pytest.param(
            {"active_deadline_seconds": 2**31},
            [
                "spec.activeDeadlineSeconds: Invalid value: 2147483648: "
                "must be between 1 and 2147483647, inclusive"
            ],
            id="a deadline beyond 32 bits",
        ),  # L-47
        pytest.param(
            {"ephemeral_containers": ("debug",)},
            ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
            id="ephemeral containers",
        ),  # L-48
        pytest.param(
            {"node_name": "here", "scheduling_gates": ("wait",)},
            ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
            id="bound in spite of a gate",
        ),  # L-49
        pytest.param(
            {"scheduling_gates": ("a", "b c", "a")},
            [
                f'spec.schedulingGates[1]: Invalid value: "b c": {KEY}',
                'spec.schedulingGates[2]: Duplicate value: "a"',
            ],
            id="bad gates",
        ),  # L-50
        pytest.param(
            {"readiness_gates": ("ok", "not ok")},
            [f'spec.readinessGates[1].conditionType: Invalid value: "not ok": {KEY}'],
            id="a bad condition",
        ),  # L-50
        pytest.param(
            {"hostname": "a.b", "subdomain": "a.b"},
            [
                'spec.hostname: Invalid value: "a.b": must not contain dots',
                'spec.subdomain: Invalid value: "a.b": must not contain dots',
            ],
            id="host names with dots",
        ),  # L-43
        pytest.param(
            {"service_account_name": "A", "node_name": "B", "priority_class_name": "C"},
            [
                f'spec.serviceAccountName: Invalid value: "A": {SUBDOMAIN}',
                f'spec.nodeName: Invalid value: "B": {SUBDOMAIN}',
                f'spec.priorityClassName: Invalid value: "C": {SUBDOMAIN}',
            ],
            id="names of other objects",
        ),
        pytest.param(
            {"runtime_class_name": "", "preemption_policy": "Always"},
            [
                f'spec.runtimeClassName: Invalid value: "": {SUBDOMAIN}',
                'spec.preemptionPolicy: Unsupported value: "Always": '
                'supported values: "PreemptLowerPriority", "Never"',
            ],
            id="classes and policies",
        ),
        pytest.param(
            {"node_selector": {"a": "has space"}},
            [f'spec.nodeSelector: Invalid value: "has space": {VALUE}'],
            id="a node selector with a bad value",
        ),
        pytest.param(
            {"overhead": {"cpu": "-1"}},
            ['spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
            id="negative overhead",
        ),
        pytest.param(
            {"os_name": "plan9"},
            ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
            id="an unknown system",
        ),
        pytest.param(
            {"os_name": ""}, ["spec.os.name: Required value: cannot be empty"], id="no system"
        ),
    ],
)
def test_spec(spec: dict[str, Any], errors: list[str]) -> None:
    assert errors_of(a_pod(**spec)) == errors


def test_host_port_on_the_network_of_the_host() -> None:  # L-51
    ports = (ContainerPort(80, host_port=80), ContainerPort(81, host_port=82))
    pod = a_pod(a_container(ports=ports), host_network=True)
    assert errors_of(pod) == [
        "spec.containers[0].ports[1].hostPort: Invalid value: 82: "
        "must match `containerPort` when `hostNetwork` is true"
    ]


@pytest.mark.parametrize(
    ("policy", "config", "errors"),
    [
        pytest.param(
            "Cluster",
            None,
            [
                'spec.dnsPolicy: Unsupported value: "Cluster": supported values: '
                '"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"'
            ],
            id="an unknown policy",
        ),
        pytest.param(
            "None",
            None,
            ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
            id="None without a configuration",
        ),
        pytest.param(
            "None",
            PodDNSConfig(searches=("not checked",)),
            [
                "spec.dnsConfig.nameservers: Required value: "
                "must provide at least one DNS nameserver when `dnsPolicy` is None"
            ],
            id="None without a server",
        ),
        pytest.param(
            "Default",
            PodDNSConfig(
                ("1.1.1.1", "x", "1.1.1.1", "1.1.1.1"), (), (PodDNSConfigOption(value="1"),)
            ),
            [
                'spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","x","1.1.1.1","1.1.1.1"]: '
                "must not have more than 3 nameservers",
                f'spec.dnsConfig.nameservers[1]: Invalid value: "x": {IP}',
                "spec.dnsConfig.options[0]: Required value: must not be empty",
            ],
            id="bad servers and options",
        ),
    ],
)
def test_dns(policy: str, config: PodDNSConfig | None, errors: list[str]) -> None:
    assert errors_of(a_pod(dns_policy=policy, dns_config=config)) == errors


def test_search_paths() -> None:
    many = tuple(f"{'a' * 62}{index % 10}" for index in range(33))
    errors = errors_of(a_pod(dns_config=PodDNSConfig(searches=(*many, "a b"))))
    assert [error.split(": ")[0] for error in errors] == [
        "spec.dnsConfig.searches",
        "spec.dnsConfig.searches",
        "spec.dnsConfig.searches[33]",
    ]
    assert errors[0].endswith("]: must not have more than 32 search paths")
    assert errors[1].endswith(
        "]: must not have more than 2048 characters (including spaces) in the search list"
    )


def test_host_aliases() -> None:
    aliases = (HostAlias("::1", ("ok.example",)), HostAlias("999.9.9.9", ("ok", "Not_ok")))
    assert errors_of(a_pod(host_aliases=aliases)) == [
        f'spec.hostAliases[1].ip: Invalid value: "999.9.9.9": {IP}',
        f'spec.hostAliases[1].hostnames[1]: Invalid value: "Not_ok": {SUBDOMAIN}',
    ]


T = "spec.tolerations[0]"


@pytest.mark.parametrize(
    ("toleration", "errors"),
    [
        pytest.param(Toleration(operator="Exists"), [], id="everything"),
        pytest.param(Toleration("a", "", "b", "NoExecute", 5), [], id="a taint for a while"),
        pytest.param(
            Toleration(),
            [
                f'{T}.operator: Invalid value: "": operator must be Exists when `key` is empty, '
                'which means "match all values and all keys"'
            ],
            id="nothing",
        ),
        pytest.param(
            Toleration("a b", "Exists", "v", "Never", 1),
            [
                f'{T}.key: Invalid value: "a b": {KEY}',
                f'{T}.effect: Invalid value: "Never": '
                "effect must be 'NoExecute' when `tolerationSeconds` is set",
                f'{T}.operator: Invalid value: "v": '
                "value must be empty when `operator` is 'Exists'",
                f'{T}.effect: Unsupported value: "Never": '
                'supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
            ],
            id="everything wrong",
        ),
        pytest.param(
            Toleration("a", "In"),
            [f'{T}.operator: Unsupported value: "In": supported values: "Equal", "Exists"'],
            id="an unknown operator",
        ),
        pytest.param(
            Toleration("a", "Equal", "b c"),
            [f'{T}.operator: Invalid value: "b c": {VALUE}'],
            id="a bad value",
        ),
    ],
)
def test_toleration(toleration: Toleration, errors: list[str]) -> None:
    assert errors_of(a_pod(tolerations=(toleration,))) == errors


def a_term(key: str, operator: str, *values: str) -> NodeSelectorTerm:
    return NodeSelectorTerm((NodeSelectorRequirement(key, operator, values),))


def a_field(key: str, operator: str, *values: str) -> NodeSelectorTerm:
    return NodeSelectorTerm(match_fields=(NodeSelectorRequirement(key, operator, values),))


EXPRESSION = f"{TERMS}[0].matchExpressions[0]"
FIELD = f"{TERMS}[0].matchFields[0]"


@pytest.mark.parametrize(
    ("term", "errors"),
    [
        pytest.param(a_term("zone", "In", "a", "b"), [], id="one of two zones"),
        pytest.param(a_field("metadata.name", "In", "here"), [], id="a node by its name"),
        pytest.param(
            a_term("zone", "NotIn"),
            [
                f"{EXPRESSION}.values: Required value: "
                "must be specified when `operator` is 'In' or 'NotIn'"
            ],
            id="no values",
        ),
        pytest.param(
            a_term("zone", "Exists", "a"),
            [
                f"{EXPRESSION}.values: Forbidden: "
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            ],
            id="values of a mere presence",
        ),
        pytest.param(
            a_term("cores", "Gt", "1", "2"),
            [
                f"{EXPRESSION}.values: Required value: "
                "must be specified single value when `operator` is 'Lt' or 'Gt'"
            ],
            id="two bounds",
        ),
        pytest.param(
            a_term("a b", "Like", "c d"),
            [
                f'{EXPRESSION}.operator: Invalid value: "Like": not a valid selector operator',
                f'{EXPRESSION}.key: Invalid value: "a b": {KEY}',
                f'{EXPRESSION}.values[0]: Invalid value: "c d": {VALUE}',
            ],
            id="everything wrong",
        ),
        pytest.param(
            a_field("metadata.uid", "Exists"),
            [
                f'{FIELD}.operator: Invalid value: "Exists": not a valid selector operator',
                f'{FIELD}.key: Invalid value: "metadata.uid": not a valid field selector key',
            ],
            id="another field",
        ),
        pytest.param(
            a_field("metadata.name", "In", "a", "B"),
            [
                f"{FIELD}.values: Required value: must be only one value when `operator` is 'In' "
                "or 'NotIn' for node field selector",
                f'{FIELD}.values[1]: Invalid value: "B": {SUBDOMAIN}',
            ],
            id="two names",
        ),
    ],
)
def test_node_affinity(term: NodeSelectorTerm, errors: list[str]) -> None:
    assert errors_of(a_pod(node_affinity=NodeAffinity((term,)))) == errors


def test_affinity_to_pods_is_checked_though_it_has_no_effect() -> None:
    nowhere = PodAffinity((PodAffinityTerm("a b"),))
    found = errors_of(a_pod(pod_affinity=nowhere, pod_anti_affinity=nowhere))
    assert [text.partition(": ")[0] for text in found] == [
        f"spec.affinity.{name}.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey"
        for name in ("podAffinity", "podAntiAffinity")
    ]


def test_node_affinity_without_terms_and_with_a_weight_out_of_range() -> None:
    preferred = PreferredSchedulingTerm(101, a_term("zone", "In", "not checked here"))
    assert errors_of(a_pod(node_affinity=NodeAffinity((), (preferred,)))) == [
        f"{TERMS}: Required value: must have at least one node selector term",
        f"{PREFERRED}[0].weight: Invalid value: 101: must be in the range 1-100",
    ]


def test_security_context_of_the_pod() -> None:
    context = PodSecurityContext(
        run_as_user=-1,
        run_as_group=-2,
        supplemental_groups=(0, -3),
        fs_group=-4,
        fs_group_change_policy="Never",
        supplemental_groups_policy="None",
    )
    assert errors_of(a_pod(security_context=context)) == [
        f"spec.securityContext.fsGroup: Invalid value: -4: {IDS}",
        f"spec.securityContext.runAsUser: Invalid value: -1: {IDS}",
        f"spec.securityContext.runAsGroup: Invalid value: -2: {IDS}",
        f"spec.securityContext.supplementalGroups[1]: Invalid value: -3: {IDS}",
        'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": '
        'supported values: "Always", "OnRootMismatch"',
        'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "None": '
        'supported values: "Merge", "Strict"',
    ]


def test_namespaces_that_do_not_go_together() -> None:
    pod = a_pod(host_users=False, host_network=True, host_pid=True, share_process_namespace=True)
    assert errors_of(pod) == [
        "spec.securityContext.shareProcessNamespace: Invalid value: true: "
        "ShareProcessNamespace and HostPID cannot both be enabled",
        "spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false",
        "spec.HostPID: Forbidden: when `pod.Spec.HostUsers` is false",
    ]


def test_all_errors_at_once_in_the_order_of_kubernetes() -> None:  # L-35
    pod = a_pod(
        a_container("A", image=" x"),
        init=(a_container(image=""),),
        metadata={"name": ""},
        volumes=(Volume("v"),),
        restart_policy="x",
    )
    assert [error.split(": ")[0] for error in errors_of(pod)] == [
        "metadata.name",
        "spec.volumes[0]",
        "spec.containers[0].name",
        "spec.initContainers[0].image",
        "spec.restartPolicy",
        "spec.containers[0].image",
    ]


def test_config_map() -> None:
    config_map = ConfigMap(ObjectMeta("x"), {"a": "", "..": "", "b": "x"}, {"b": b"y"})
    assert [str(error) for error in validate_config_map(config_map)] == [
        "data[..]: Invalid value: \"..\": must not be '..'",
        'data[b]: Invalid value: "b": duplicate of key present in binaryData',
    ]


def test_secret() -> None:
    secret = Secret(ObjectMeta(""), {"a": b"x" * (2**20 + 1)})
    assert [str(error) for error in validate_secret(secret)] == [
        "metadata.name: Required value: name or generateName is required",
        "data: Too long: may not be more than 1048576 bytes",
    ]
