"""Protobuf request bodies (K-93 … K-97)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikubelet.apiserver.protobuf import MAX_DEPTH, MAX_FIELDS, decode_protobuf
from minikubelet.manifest.schema import load_schema
from tests.apiserver.protobuf_bodies import RECORDED

JOB = RECORDED["create job a --from=cronjob/cj"][0]

# Go writes these as JSON always and never reads them from a client.
SERVERS_OWN = {"status"}


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def envelope(api_version: str, kind: str, raw: bytes, more: bytes = b"") -> bytes:
    return b"k8s\x00" + field(1, field(1, api_version) + field(2, kind)) + field(2, raw) + more


def decoded(raw: bytes, api_version: str = "v1", kind: str = "Pod") -> dict[str, Any]:
    document = decode_protobuf(envelope(api_version, kind, raw))
    assert (document.pop("apiVersion"), document.pop("kind")) == (api_version, kind)
    return document


def without_empty_objects(value: Any, *, top: bool = True) -> Any:
    """What Go writes in JSON although nobody set it; an emptyDir says something by being there."""
    if isinstance(value, list):
        return [without_empty_objects(item, top=False) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: without_empty_objects(item, top=False)
        for name, item in value.items()
        if not (top and name in SERVERS_OWN) and (item != {} or name == "emptyDir")
    }


@pytest.mark.parametrize("command", RECORDED)
def test_recorded_commands(command: str) -> None:
    body, as_json = RECORDED[command]
    document = decode_protobuf(body)
    assert document == without_empty_objects(as_json)


@pytest.mark.parametrize(
    ("raw", "document"),
    [
        pytest.param(b"", {}, id="an empty message"),
        pytest.param(
            field(1, field(8, field(1, 1767323045) + field(2, 999999999))),
            {"metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"}},
            id="a time has whole seconds",
        ),
        pytest.param(
            field(1, field(8, field(1, -62135596800))),
            {"metadata": {"creationTimestamp": "0001-01-01T00:00:00Z"}},
            id="the first second of year 1",
        ),
        pytest.param(
            field(1, field(8, b"") + field(1, "p")), {"metadata": {"name": "p"}}, id="no time"
        ),
        pytest.param(
            field(1, field(10, 0) + field(7, 0)),
            {"metadata": {"deletionGracePeriodSeconds": 0}},
            id="zero counts behind a pointer only",
        ),
        pytest.param(
            field(1, field(11, field(1, "k")) + field(11, field(2, "v"))),
            {"metadata": {"labels": {"k": "", "": "v"}}},
            id="map entries without value or key",
        ),
        pytest.param(
            field(2, field(14, field(4, 1) + field(4, b"\x02\x03") + field(1, b""))),
            {"spec": {"securityContext": {"supplementalGroups": [1, 2, 3], "seLinuxOptions": {}}}},
            id="numbers one by one and packed, an empty object behind a pointer",
        ),
        pytest.param(field(2, field(25, -5)), {"spec": {"priority": -5}}, id="a number below zero"),
        pytest.param(
            field(2, field(10, "a")) + field(2, field(10, "b") + field(16, "h")),
            {"spec": {"nodeName": "b", "hostname": "h"}},
            id="a message in pieces is one",
        ),
        pytest.param(
            field(1, field(99, "x") + field(98, 1) + varint(97 << 3 | 1) + bytes(8))
            + varint(96 << 3 | 5)
            + bytes(4),
            {},
            id="unknown numbers of all sizes are skipped",
        ),
        pytest.param(
            field(1, field(17, field(7, field(1, '{"f:a":{}}')))),
            {"metadata": {"managedFields": [{"fieldsV1": {"f:a": {}}}]}},
            id="JSON inside",
        ),
    ],
)
def test_values(raw: bytes, document: dict[str, Any]) -> None:
    assert decoded(raw) == document


def test_micro_times_and_other_versions() -> None:
    event = decoded(field(10, field(1, 1) + field(2, 2000)), kind="Event")
    assert event == {"eventTime": "1970-01-01T00:00:01.000002Z"}
    assert decoded(b"", "authentication.k8s.io/v1beta1", "SelfSubjectReview") == {}
    assert decoded(field(1, 0), "policy/v1", "DeleteOptions") == {"gracePeriodSeconds": 0}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"", "does not appear to be a protobuf message", id="nothing"),
        pytest.param(b'{"kind":"Pod"}', "does not appear to be a protobuf message", id="JSON"),
        pytest.param(
            envelope("v1", "Role", b""), 'no kind "Role" is registered for version "v1"', id="kind"
        ),
        pytest.param(envelope("v1", "Pod", b"", field(3, "gzip")), "content encoding", id="gzip"),
        pytest.param(
            envelope("v1", "Pod", b"", field(4, "application/json")), "content type", id="type"
        ),
        pytest.param(JOB[:-1], "unexpected end", id="cut"),
        pytest.param(envelope("v1", "Pod", b"\x0a\x05a"), "unexpected end", id="too long"),
        pytest.param(envelope("v1", "Pod", b"\x0b"), "illegal wire type 3", id="a group"),
        pytest.param(envelope("v1", "Pod", b"\x00\x00"), "illegal field number 0", id="zero"),
        pytest.param(envelope("v1", "Pod", b"\x08\x00"), "wrong wire type 0", id="wire type"),
        pytest.param(envelope("v1", "Pod", b"\x10" + b"\xff" * 11), "64 bits", id="long number"),
        pytest.param(
            envelope("v1", "Pod", field(1, field(1, b"\xff"))), "is not UTF-8", id="no text"
        ),
        pytest.param(
            envelope("v1", "Pod", field(1, field(8, field(1, 1 << 60)))),
            "years 1 to 9999",
            id="time",
        ),
        pytest.param(
            envelope("v1", "Pod", field(1, field(17, field(7, field(1, "{"))))),
            "JSON",
            id="JSON in it",
        ),
        pytest.param(
            envelope("v1", "Pod", field(1, b"") * (MAX_FIELDS + 1)), "more than", id="many fields"
        ),
        pytest.param(
            envelope("v1", "Pod", field(2, field(14, field(4, bytes(MAX_FIELDS + 1))))),
            "more than",
            id="many packed numbers",
        ),
    ],
)
def test_bodies_that_cannot_be_read(body: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_protobuf(body)


def depth_of(message: str, above: tuple[str, ...] = ()) -> int:
    assert message not in above, f"{message} holds itself"
    below = {f.type for f in load_schema().declared(message) if f.is_message}
    return 1 + max((depth_of(name, (*above, message)) for name in below), default=0)


def test_the_table_bounds_the_depth_of_messages() -> None:
    # What lies deeper has an unknown number, and is skipped.
    assert max(map(depth_of, load_schema().kinds.values())) < MAX_DEPTH


def attempt(body: bytes) -> None:
    try:
        document = decode_protobuf(body)
    except ValueError:
        return
    assert isinstance(document, dict)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=60), st.sampled_from(sorted(load_schema().kinds)))
def test_any_bytes_give_a_document_or_a_value_error(raw: bytes, kind: tuple[str, str]) -> None:
    attempt(envelope(*kind, raw))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(4, len(JOB) - 1), st.integers(0, 255), st.integers(0, 3))
def test_mangled_bodies_give_a_document_or_a_value_error(at: int, byte: int, how: int) -> None:
    tail = (JOB[at + 1 :], JOB[at:], b"", bytes([byte]) + JOB[at + 2 :])[how]
    attempt(JOB[:at] + bytes([byte]) + tail)
