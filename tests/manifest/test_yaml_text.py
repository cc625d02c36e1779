"""Texts to documents: structure, places, bounds, and that nothing ever raises."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.manifest import yaml_text
from minikubelet.manifest.document import MAX_DEPTH
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Position, Severity
from minikubelet.manifest.yaml_text import MAX_TEXT_BYTES, parse_text

ROOT = FieldPath()


def contents(text: str) -> list[object]:
    parsed = parse_text(text, "f")
    assert not parsed.findings
    return [document.content for document in parsed.documents]


def findings(text: str) -> list[str]:
    return [str(finding) for finding in parse_text(text, "f").findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("# only\n# comments\n", [], id="comments"),
        pytest.param("---\n---\n---\n", [], id="empty documents"),
        pytest.param("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}], id="two documents"),
        pytest.param("---\na: 1\n--- # second\nb: 2", [{"a": 1}, {"b": 2}], id="a comment behind"),
        pytest.param("a: 1\n...\n---\nb: 2", [{"a": 1}, {"b": 2}], id="an explicit end"),
        pytest.param("%YAML 1.1\n---\na: 1", [{"a": 1}], id="a directive"),
        pytest.param("\ufeffa: 1", [{"a": 1}], id="a byte order mark"),
        pytest.param("a: 1\r\nb: 2\r\n", [{"a": 1, "b": 2}], id="Windows line ends"),
        pytest.param("--- {a: 1}", [{"a": 1}], id="content beside the dashes"),
        pytest.param("a: |\n  x\n   y\n", [{"a": "x\n y\n"}], id="a block"),
        pytest.param("a: &x [1]\nb: *x", [{"a": [1], "b": [1]}], id="an alias"),
        pytest.param("&k a: *k", [{"a": "a"}], id="an alias of a key"),
        pytest.param("x: &x {a: 2}\nv: {<<: *x, b: 1}", [{"x": {"a": 2}, "v": {"a": 2, "b": 1}}],
                     id="a merged mapping"),
        pytest.param("x: &x {a: 2}\nv: {a: 1, <<: *x}", [{"x": {"a": 2}, "v": {"a": 2}}],
                     id="a merge overrides what stands before, as upstream"),
        pytest.param("v: {<<: [{a: 1}, {a: 2, b: 2}]}", [{"v": {"a": 1, "b": 2}}],
                     id="the first of several merged mappings wins"),
        pytest.param('v: {"<<": 1}', [{"v": {"<<": 1}}], id="quoted, it is a key as any other"),
        pytest.param("v: {1: a, 1.5: b, 2001-01-01: c}",
                     [{"v": {"1": "a", "1.5": "b", "2001-01-01": "c"}}], id="numbers as keys"),
        pytest.param('{"a": 1} {"b": [true, null, "x"]}', [{"a": 1}, {"b": [True, None, "x"]}],
                     id="JSON values in a row"),
        pytest.param('{"a": 1}\n---\n{"b": 2}\n---\nc: 3', [{"a": 1}, {"b": 2}, {"c": 3}],
                     id="JSON and YAML in turn"),
        pytest.param('{"a": "\\u00e9\\ud83d\\ude00\\/", "b": "\\ud800"}',
                     [{"a": "é😀/", "b": "\ufffd"}], id="escapes of JSON"),
        pytest.param('{"a": 1e3, "b": -0.5, "c": 1E2}', [{"a": 1000, "b": -0.5, "c": 100}],
                     id="numbers of JSON"),
        pytest.param('{\t"a"\t:\r\n[ ]\t}', [{"a": []}], id="blanks of JSON"),
    ],
)  # fmt: skip
def test_documents(text: str, expected: list[object]) -> None:
    assert contents(text) == expected


TEXT = """\
# a comment
---
kind: Pod
metadata:
  labels: {app: x, "on": yes}
spec:
  containers:
  - name: a
    env: [{name: A}]
---
{"kind": "Pod",
 "spec": {"containers": [ {"name": "a"}]}}
"""


@pytest.mark.parametrize(
    ("document", "path", "line", "column"),
    [
        pytest.param(0, ROOT, 3, 1, id="the document"),
        pytest.param(0, ROOT.child("kind"), 3, 1, id="a key"),
        pytest.param(0, ROOT.child("metadata", "labels").key("app"), 5, 12, id="a flow key"),
        pytest.param(0, ROOT.child("spec", "containers").index(0), 8, 5, id="a list item"),
        pytest.param(0, ROOT.child("spec", "containers").index(0).child("env").index(0), 9, 11,
                     id="a flow item"),
        pytest.param(1, ROOT, 11, 1, id="a JSON document"),
        pytest.param(1, ROOT.child("spec", "containers").index(0), 12, 27, id="a JSON item"),
        pytest.param(1, ROOT.child("spec", "containers").index(0).child("name"), 12, 28,
                     id="a JSON key"),
        pytest.param(1, ROOT.child("spec", "volumes"), 12, 2, id="what is missing"),
    ],
)  # fmt: skip
def test_places(document: int, path: FieldPath, line: int, column: int) -> None:
    positions = parse_text(TEXT, "f").documents[document].positions
    assert positions.at(path) == Position("f", line, column)


def test_the_text_of_scalars_that_json_writes_differently() -> None:
    [document, _] = parse_text(TEXT, "f").documents
    labels = ROOT.child("metadata", "labels")
    assert document.positions.written_as(labels.key("on")) == "yes"
    assert document.positions.written_as(labels.key("app")) is None


def test_a_repeated_key_is_reported_and_its_last_value_stands() -> None:  # L-8, K-47
    parsed = parse_text("a: 1\nb:\n- c: 1\n  c: 2\n", "f")
    [finding] = parsed.findings
    assert str(finding) == "f:4: b[0].c: repeated; it stands in line 3 already; keep one of the two"
    assert finding.upstream == 'duplicate field "b[0].c"'
    assert parsed.documents[0].content == {"a": 1, "b": [{"c": 2}]}


def test_a_repeated_key_may_be_a_warning() -> None:
    [finding] = parse_text('{"a": 1, "a": 2}', "f", repeated=Severity.WARNING).findings
    assert finding.severity is Severity.WARNING


def test_keys_that_change_are_warned_about() -> None:
    assert findings("y: 1") == [
        'f:1: warning: true: the key y is read as true; if that is not meant, quote it: "y"'
    ]


def test_a_broken_document_spares_the_others() -> None:
    parsed = parse_text('a: 1\n---\nb: [\n---\nc: 3\n---\n{"d": 4', "f")
    assert [document.content for document in parsed.documents] == [{"a": 1}, {"c": 3}]
    assert [finding.line for finding in parsed.findings] == [4, 7]


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{here}: &{here} [{','.join([f'*{below}'] * 10)}]\n"
    for below, here in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[" * 50_000, f"nested deeper than {MAX_DEPTH} levels", id="brackets"),
        pytest.param('{"a":' * 50_000, f"nested deeper than {MAX_DEPTH} levels", id="braces"),
        pytest.param("- " * 5_000, f"nested deeper than {MAX_DEPTH} levels", id="dashes"),
        pytest.param(LAUGHS, "document contains excessive aliasing", id="billion laughs"),
        pytest.param(
            "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60,
            f"nested deeper than {MAX_DEPTH} levels",
            id="an alias carries its depth",
        ),
        pytest.param("a: &a [*a]", "anchor 'a' value contains itself", id="a cycle"),
        pytest.param("#" * (MAX_TEXT_BYTES + 1), "larger than 10 MiB", id="a large text"),  # L-7
        pytest.param("ü" * (MAX_TEXT_BYTES // 2 + 1), "larger than 10 MiB", id="bytes count"),
    ],
)
def test_bounds(text: str, message: str) -> None:
    parsed = parse_text(text, "f")
    assert [finding.message for finding in parsed.findings] == [message]
    assert not parsed.documents


def test_aliases_share_nothing() -> None:
    [content] = contents("a: &x {v: [1]}\nb: *x")
    assert isinstance(content, dict)
    content["a"]["v"].append(2)
    assert content["b"] == {"v": [1]}


YAML_LIKE = st.text("ab:-? \n\t'\"{}[],&*!|>#%@`~<0e.\\\r\ufeff\x00\x85é😀\ud800", max_size=60)
LINES = st.lists(
    st.sampled_from(
        ["a:", "  b: 1", "- c", " - d:", "\te: f", "---", "...", "{", "}", "[", "g: 'h", "i: *j",
         "k: &l", "<<: *l", "m:n", "o: p: q", "? r", "|", "\"", "%TAG ! x", "# s", "t: {{ u }}",
         '{"v": 1,', '"w": [1 2]', "}}", "!!int x: y", "~: 1", "[a]: b"]
    ),
    max_size=12,
).map("\n".join)  # fmt: skip


@given(YAML_LIKE | LINES | st.text(max_size=40))
def test_any_text_gives_documents_and_findings(text: str) -> None:
    parsed = parse_text(text, "f")
    last = text.count("\n") + text.count("\r") + text.count("\x85") + 2
    for finding in parsed.findings:
        assert finding.message
        assert 1 <= finding.line <= last
        assert finding.column >= 1
    for document in parsed.documents:
        json.dumps(document.content, allow_nan=False)


@given(YAML_LIKE | LINES)
def test_libyaml_is_not_needed(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_text, "_Parser", yaml.SafeLoader)
        parsed = parse_text(text, "f")
    assert all(finding.message and finding.line for finding in parsed.findings)
