"""Affinity to other pods: what upstream's TestValidatePod refuses, in its words."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.decode_placement import decode_pod_affinity
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.validate_affinity import validate_pod_affinity

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
PATH = FieldPath().child("spec", "affinity", "podAffinity")
NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def term(**fields: Any) -> dict[str, Any]:
    return {"topologyKey": "zone", **fields}


def expressions(**requirement: Any) -> dict[str, Any]:
    return term(labelSelector={"matchExpressions": [{"key": "a", **requirement}]})


GOOD = term(
    labelSelector={
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["old"]}],
    },
    namespaceSelector={},
    namespaces=["team"],
)
KEY = f"{PATH}.{REQUIRED}[0].labelSelector.matchExpressions[0]"


@pytest.mark.parametrize(
    ("affinity", "errors"),
    [
        pytest.param(
            {REQUIRED: [GOOD], PREFERRED: [{"weight": 100, "podAffinityTerm": GOOD}]},
            [],
            id="good",
        ),
        pytest.param(
            {PREFERRED: [{"weight": 101, "podAffinityTerm": GOOD}, {"podAffinityTerm": GOOD}]},
            [
                f"{PATH}.{PREFERRED}[0].weight: Invalid value: 101: must be in the range 1-100",
                f"{PATH}.{PREFERRED}[1].weight: Invalid value: 0: must be in the range 1-100",
            ],
            id="weights out of range",
        ),
        pytest.param(
            {REQUIRED: [{}]},
            [
                f"{PATH}.{REQUIRED}[0].topologyKey: Required value: can not be empty",
                f'{PATH}.{REQUIRED}[0].topologyKey: Invalid value: "": name part must be non-empty',
                f'{PATH}.{REQUIRED}[0].topologyKey: Invalid value: "": {NAME_PART}',
            ],
            id="no topology key",
        ),
        pytest.param(
            {REQUIRED: [term(namespaces=["a.b"])]},
            [
                f'{PATH}.{REQUIRED}[0].namespace: Invalid value: "a.b": must not contain dots',
            ],
            id="no namespace",
        ),
        pytest.param(
            {REQUIRED: [expressions(operator="In")]},
            [f"{KEY}.values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
            id="In without values",
        ),
        pytest.param(
            {REQUIRED: [expressions(operator="Exists", values=["b"])]},
            [
                f"{KEY}.values: Forbidden: may not be specified when `operator` is 'Exists' or "
                "'DoesNotExist'"
            ],
            id="Exists with values",
        ),
        pytest.param(
            {REQUIRED: [expressions(operator="Gt", values=["1"])]},
            [f'{KEY}.operator: Invalid value: "Gt": not a valid selector operator'],
            id="operators of nodes are none of labels",
        ),
    ],
)
def test_pod_affinity(affinity: dict[str, Any], errors: list[str]) -> None:
    found = validate_pod_affinity(decode_pod_affinity(affinity), PATH)
    assert [str(error) for error in found] == errors
