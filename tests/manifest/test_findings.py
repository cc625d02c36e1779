"""Findings: what people read and what Kubernetes would print."""

from __future__ import annotations

import pytest

from minikubelet.manifest.fieldpath import FieldPath, invalid, required
from minikubelet.manifest.findings import Finding, Position, Positions, Severity, has_errors

SPEC = FieldPath().child("spec")
HERE = Position("pod.yaml", 17, 3)


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        pytest.param(
            Finding.at(HERE, SPEC.child("livenessProbe"), "unknown field", fix="remove it"),
            "pod.yaml:17: spec.livenessProbe: unknown field; remove it",
            id="a field is named by its path",
        ),
        pytest.param(
            Finding.at(HERE, FieldPath(), "broken YAML"),
            "pod.yaml:17:3: broken YAML",
            id="without a path the column points",
        ),
        pytest.param(
            Finding.at(Position("pod.yaml"), FieldPath(), "it is empty"),
            "pod.yaml: it is empty",
            id="a file as a whole has no line",
        ),
        pytest.param(
            Finding.at(HERE, SPEC, "odd", severity=Severity.WARNING),
            "pod.yaml:17: warning: spec: odd",
            id="a warning says so",
        ),
        pytest.param(  # L-36
            Finding.of(required(SPEC.child("containers")), HERE),
            "pod.yaml:17: spec.containers: Required value",
            id="an error of validation keeps its words",
        ),
    ],
)
def test_text_for_people(finding: Finding, text: str) -> None:
    assert str(finding) == text


def test_upstream_text_of_a_field_error() -> None:  # L-35
    error = invalid(SPEC.child("hostname"), "a.b", "must not contain dots")
    finding = Finding.of(error, HERE, fix="remove the dot")
    assert finding == Finding(
        "pod.yaml",
        17,
        3,
        SPEC.child("hostname"),
        'Invalid value: "a.b": must not contain dots',
        "remove the dot",
        Severity.ERROR,
        'spec.hostname: Invalid value: "a.b": must not contain dots',
    )


POSITIONS = Positions(
    "pod.yaml",
    {
        (): (1, 1),
        ("metadata", "labels", "app"): (4, 5),
        ("spec",): (5, 1),
        ("spec", "containers", "0"): (7, 5),
    },
)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        pytest.param(SPEC, (5, 1), id="a key that is written"),
        pytest.param(
            FieldPath().child("metadata", "labels").key("app"), (4, 5), id="a map key in brackets"
        ),
        pytest.param(
            SPEC.child("containers").index(0).child("image"),
            (7, 5),
            id="a missing field is shown at its parent",
        ),
        pytest.param(FieldPath().child("kind"), (1, 1), id="a missing top field, at the document"),
    ],
)
def test_positions(path: FieldPath, place: tuple[int, int]) -> None:
    assert POSITIONS.at(path) == Position("pod.yaml", *place)


def test_positions_of_an_object_that_was_not_read_from_text() -> None:
    assert Positions("api").at(SPEC) == Position("api")


def test_warnings_are_not_errors() -> None:
    warning = Finding.at(HERE, SPEC, "odd", severity=Severity.WARNING)
    assert not has_errors([warning])
    assert has_errors([warning, Finding.at(HERE, SPEC, "wrong")])
