"""The promise of strict decoding: what passes can be decoded, whatever it is."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from minikubelet.manifest.decode import decode_config_map, decode_pod, decode_secret
from minikubelet.manifest.defaults import apply_pod_defaults
from minikubelet.manifest.findings import Positions
from minikubelet.manifest.meta import ConfigMap, Secret
from minikubelet.manifest.pod import Pod
from minikubelet.manifest.read import read_manifest
from minikubelet.manifest.schema import Field, load_schema
from minikubelet.manifest.strict import check_message
from minikubelet.manifest.suggest import edit_distance, nearest_name

SCHEMA = load_schema()
MAX_LEVELS = 9

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "x", "5", 0, 1, -1, 2**31, 2**63, 1.5, True, False, [], {}, [None], {"a": None},
     [[]], [{}], {"": {}}, "yes", "1Gi", "aGk=", "2026-01-31T12:00:00Z"]
).map(copy.deepcopy)  # fmt: skip
GOOD = {
    "string": st.sampled_from(["", "a", "metadata.name", "Always", "/x"]),
    "boolean": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bytes": st.sampled_from(["", "aGk=", "aG\nk="]),
    "time": st.sampled_from(["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789+02:00"]),
    "microtime": st.just("2026-01-31T12:00:00.000001Z"),
    "quantity": st.sampled_from(["1", "64Mi", "-1.5", 2, 0.25, "1e3", " 1 "]),
    "intOrString": st.sampled_from([0, 80, "web", ""]),
    "raw": st.just({"any": ["thing"]}),
}


def value_of(draw: st.DrawFn, field: Field, shape: str, levels: int, odd: bool) -> Any:
    """A value for a field: one that fits, or now and then one that does not."""
    if draw(st.integers(0, 30)) == 0:
        return draw(ODD) if odd else None
    shape = shape.removeprefix("*")
    if shape.startswith("[]"):
        size = draw(st.integers(0, 2))
        return [value_of(draw, field, shape[2:], levels, odd) for _ in range(size)]
    if shape.startswith("{}"):
        keys = draw(st.lists(st.sampled_from(["cpu", "memory", "a/b"]), max_size=2, unique=True))
        return {key: value_of(draw, field, shape[2:], levels, odd) for key in keys}
    if field.is_message:
        return object_of(draw, field.type, levels - 1, odd)
    return draw(GOOD[field.type])


def object_of(draw: st.DrawFn, message: str, levels: int, odd: bool) -> dict[str, Any]:
    fields = SCHEMA.fields(message)
    if not levels:
        return {}
    names = draw(st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True))
    if odd and draw(st.integers(0, 20)) == 0:
        names.append(draw(st.sampled_from(["bogus", "nam", "livenessProbe", "image"])))
    return {
        name: value_of(draw, fields[name], fields[name].shape, levels, odd)
        if name in fields
        else draw(ODD)
        for name in names
    }


@st.composite
def documents(draw: st.DrawFn, kind: str, odd: bool) -> dict[str, Any]:
    content = object_of(draw, f"core.{kind}", MAX_LEVELS, odd)
    if kind == "Pod":
        for name in ("containers", "volumes"):
            field = SCHEMA.fields("core.PodSpec")[name]
            content.setdefault("spec", {})
            if isinstance(content["spec"], dict):
                content["spec"][name] = value_of(draw, field, field.shape, MAX_LEVELS, odd)
    return {"apiVersion": "v1", "kind": kind, **content}


@given(documents("Pod", odd=False))
def test_documents_of_the_schema_have_no_findings(document: dict[str, Any]) -> None:
    assert check_message(document, "core.Pod", Positions("f")) == ()


@given(documents("Pod", odd=True))
def test_a_pod_that_passes_can_be_decoded(document: dict[str, Any]) -> None:
    for item in read_manifest(json.dumps(document), "f").objects:
        assert isinstance(decode_pod(item.document), Pod)
        assert isinstance(decode_pod(apply_pod_defaults(item.document)), Pod)


@given(documents("ConfigMap", odd=True) | documents("Secret", odd=True))
def test_a_config_map_or_secret_that_passes_can_be_decoded(document: dict[str, Any]) -> None:
    for item in read_manifest(json.dumps(document), "f").objects:
        if item.kind == "Secret":
            assert isinstance(decode_secret(item.document), Secret)
        else:
            assert isinstance(decode_config_map(item.document), ConfigMap)


WORDS = st.text("abcA-_", max_size=6)


@given(WORDS, WORDS)
def test_edit_distance_is_a_distance(one: str, other: str) -> None:
    limit = 10
    distance = edit_distance(one, other, limit)
    assert distance == edit_distance(other, one, limit)
    assert (distance == 0) == (one == other)
    assert distance <= max(len(one), len(other))
    assert edit_distance(one, other, 1) == min(distance, 2)


@given(st.text(max_size=80))
def test_the_nearest_name_is_a_candidate_or_none(name: str) -> None:
    assert nearest_name(name, ["labels", "annotations"]) in ("", "labels", "annotations")


def test_suggestions_do_not_make_a_large_text_slow() -> None:
    """Past the first 50 unknown fields there are no suggestions, only findings."""
    document = {"spec": {f"nodeName{number}": 1 for number in range(60)}}
    findings = check_message(document, "core.Pod", Positions("f"))
    fixes = [finding.fix for finding in findings]
    assert fixes == ['did you mean "nodeName"?'] * 50 + [""] * 10
