"""What clients write into labelSelector and fieldSelector (K-30, K-31)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import RESOURCES, Resource, resource_at
from minikubelet.store.selectors import (
    FieldSelector,
    FieldTerm,
    LabelSelector,
    Operator,
    Requirement,
    SelectorError,
    field_value,
    parse_field_selector,
    parse_label_selector,
)

_NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or"
    " '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        pytest.param("", {}, True, id="nothing asked matches all"),
        pytest.param("a=b", {"a": "b"}, True, id="equal"),
        pytest.param("a==b", {"a": "c"}, False, id="not equal"),
        pytest.param("a=b", {}, False, id="equality needs the key"),
        pytest.param("a=", {"a": ""}, True, id="an empty value"),
        pytest.param("a=,b=c", {"a": "", "b": "c"}, True, id="an empty value before a comma"),
        pytest.param("a=", {}, False, id="an empty value is not absence"),
        pytest.param("a!=b", {}, True, id="inequality matches without the key"),
        pytest.param("a!=b", {"a": "b"}, False, id="inequality"),
        pytest.param("a in (b,c)", {"a": "c"}, True, id="in a set"),
        pytest.param("a in (b,c)", {}, False, id="a set needs the key"),
        pytest.param("a notin (b,c)", {}, True, id="notin matches without the key"),
        pytest.param("a notin (b,c)", {"a": "c"}, False, id="notin"),
        pytest.param("a in (,b)", {"a": ""}, True, id="an empty member before"),
        pytest.param("a in (b,)", {"a": ""}, True, id="an empty member behind"),
        pytest.param("a in (b,,c)", {"a": ""}, True, id="an empty member between"),
        pytest.param("a in (,)", {"a": ""}, True, id="only an empty member"),
        pytest.param("a", {"a": ""}, True, id="exists"),
        pytest.param("!a", {"a": ""}, False, id="does not exist"),
        pytest.param("! a", {"b": ""}, True, id="a blank behind the exclamation mark"),
        pytest.param("a>3", {"a": "4"}, True, id="greater"),
        pytest.param("a>3", {"a": "x"}, False, id="greater than something that is no number"),
        pytest.param("a<3", {"a": "-4"}, True, id="less"),
        pytest.param("a<3", {}, False, id="less than nothing"),
        pytest.param("a=b,c in (d,e),!f,g", {"a": "b", "c": "e", "g": "1"}, True, id="all hold"),
        pytest.param("a=b,c in (d,e)", {"a": "b", "c": "f"}, False, id="one does not"),
        pytest.param(" a = b ,\tc  in( d , e )", {"a": "b", "c": "d"}, True, id="blanks"),
        pytest.param("in in (in,notin)", {"in": "notin"}, True, id="words of the grammar as keys"),
        pytest.param("notin=in", {"notin": "in"}, True, id="words of the grammar as values"),
        pytest.param("app.io/name=x", {"app.io/name": "x"}, True, id="a key with a prefix"),
    ],
)
def test_labels(text: str, labels: Mapping[str, str], matches: bool) -> None:
    assert parse_label_selector(text).matches(labels) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("(a)", "found '(', expected: !, identifier, or 'end of string'"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a,=b", "found '=', expected: identifier after ','"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("a==(", "unable to parse requirement: found '(', expected: identifier"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        (
            "a in (=)",
            "unable to parse requirement: found '=', expected: ',', ')' or identifier",
        ),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b,", "unable to parse requirement: found '', expected: ',', or identifier"),
        (
            "a in ()",
            "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators,"
            " values set can't be empty",
        ),
        (
            "a>b",
            "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt'"
            " operators, the value must be an integer",
        ),
        pytest.param(
            "a>" + "9" * 5000,
            f"unable to parse requirement: [values[0]: Invalid value: \"{'9' * 5000}\": for 'Gt',"
            " 'Lt' operators, the value must be an integer, "
            f'values[0][a]: Invalid value: "{"9" * 5000}": must be no more than 63 characters]',
            id="a number that Python does not read",
        ),
        ("a-", f'unable to parse requirement: <nil>: Invalid value: "a-": {_NAME}'),
        ("a=b-", f'unable to parse requirement: values[0][a]: Invalid value: "b-": {_VALUE}'),
        (
            "a in (b-,c,d-)",
            f'unable to parse requirement: [values[0][a]: Invalid value: "b-": {_VALUE},'
            f' values[2][a]: Invalid value: "d-": {_VALUE}]',
        ),
    ],
)
def test_labels_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(SelectorError) as error:
        parse_label_selector(text)
    assert error.value.message == message


_KEYS = st.from_regex(
    r"([a-z]{1,5}\.io/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,5}[A-Za-z0-9])?", fullmatch=True
)
_VALUES = st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,5}[A-Za-z0-9])?)?", fullmatch=True)
_INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1).map(str).filter(lambda text: text[0] != "-")


def _requirement(
    operators: list[Operator], values: st.SearchStrategy[tuple[str, ...]]
) -> st.SearchStrategy[Requirement]:
    return st.builds(Requirement, _KEYS, st.sampled_from(operators), values)


_REQUIREMENTS = st.one_of(
    _requirement([Operator.EXISTS, Operator.DOES_NOT_EXIST], st.just(())),
    _requirement([Operator.EQUALS, Operator.NOT_EQUALS], st.tuples(_VALUES)),
    _requirement([Operator.GREATER_THAN, Operator.LESS_THAN], st.tuples(_INTEGERS)),
    _requirement(
        [Operator.IN, Operator.NOT_IN],
        st.sets(_VALUES, min_size=1, max_size=4).map(lambda values: tuple(sorted(values))),
    ),
)


@given(st.lists(_REQUIREMENTS, max_size=4))
def test_label_selectors_read_back(requirements: list[Requirement]) -> None:
    selector = LabelSelector(tuple(requirements))
    assert parse_label_selector(str(selector)) == selector


@given(st.text(alphabet="ab=!,()<> \t\\-in", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        selector = parse_label_selector(text)
    except SelectorError:
        return
    assert parse_label_selector(str(selector)) == selector


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("a=b", (FieldTerm("a", "=", "b"),)),
        ("a==b,c!=d", (FieldTerm("a", "=", "b"), FieldTerm("c", "!=", "d"))),
        ("involvedObject.namespace=", (FieldTerm("involvedObject.namespace", "=", ""),)),
        ("a=b,a=b", (FieldTerm("a", "=", "b"), FieldTerm("a", "=", "b"))),
        (r"a=b\,c\=d\\", (FieldTerm("a", "=", "b,c=d\\"),)),
        (",a=b,,", (FieldTerm("a", "=", "b"),)),
        ("a!b=c", (FieldTerm("a!b", "=", "c"),)),
    ],
)
def test_fields(text: str, terms: tuple[FieldTerm, ...]) -> None:
    assert parse_field_selector(text).terms == terms


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=b,cd", "invalid selector: 'a=b,cd'; can't understand 'cd'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        (r"a=b\c", r"invalid field selector: invalid escape sequence: \c"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_fields_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(SelectorError) as error:
        parse_field_selector(text)
    assert error.value.message == message


@given(
    st.lists(
        st.builds(
            FieldTerm,
            st.from_regex(r"[a-zA-Z.]{1,8}", fullmatch=True),
            st.sampled_from(["=", "!="]),
            st.text(alphabet="ab,=\\! ü", max_size=6),
        ),
        max_size=4,
    )
)
def test_field_selectors_read_back(terms: list[FieldTerm]) -> None:
    selector = FieldSelector(tuple(terms))
    assert parse_field_selector(str(selector)) == selector


def _resource(plural: str, group: str = "") -> Resource:
    found = resource_at(group, "v1", plural)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("resource", "field", "document", "value"),
    [
        ("pods", "metadata.name", {"metadata": {"name": "a"}}, "a"),
        ("pods", "metadata.namespace", {"metadata": {}}, ""),
        ("pods", "spec.nodeName", {"spec": {"nodeName": "n"}}, "n"),
        ("pods", "spec.nodeName", {}, ""),
        ("pods", "spec.restartPolicy", {"spec": {"restartPolicy": "Never"}}, "Never"),
        ("pods", "spec.hostNetwork", {"spec": {"hostNetwork": True}}, "true"),
        ("pods", "status.phase", {"status": {"phase": "Running"}}, "Running"),
        ("pods", "status.podIP", {"status": {"podIP": "10.0.0.1"}}, "10.0.0.1"),
        ("pods", "spec.foo", {"spec": {"foo": "bar"}}, None),
        ("configmaps", "data", {"data": {}}, None),
        ("events", "involvedObject.name", {"involvedObject": {"name": "p"}}, "p"),
        ("events", "involvedObject.uid", {"regarding": {"uid": "u"}}, "u"),
        ("events", "source", {"source": {"component": "kubelet"}}, "kubelet"),
        ("events", "source", {"reportingComponent": "kubelet"}, "kubelet"),
        ("events", "reportingComponent", {"reportingComponent": "kubelet"}, "kubelet"),
        ("events", "regarding.name", {}, None),
        ("secrets", "type", {"type": "Opaque"}, "Opaque"),
        ("namespaces", "status.phase", {"status": {"phase": "Active"}}, "Active"),
        ("nodes", "spec.unschedulable", {"spec": {}}, "false"),
        ("nodes", "spec.unschedulable", {"spec": {"unschedulable": True}}, "true"),
    ],
)
def test_what_documents_have_in_a_field(
    resource: str, field: str, document: Json, value: str | None
) -> None:
    assert field_value(_resource(resource), document, field) == value  # K-31


def test_fields_of_other_groups() -> None:
    event = {"involvedObject": {"kind": "Pod"}, "reportingComponent": "kubelet"}
    events = _resource("events", "events.k8s.io")
    assert field_value(events, event, "regarding.kind") == "Pod"
    assert field_value(events, event, "reportingController") == "kubelet"
    job = {"status": {"succeeded": 2}}
    assert field_value(_resource("jobs", "batch"), job, "status.successful") == "2"


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.group_resource)
def test_every_kind_is_found_by_name(resource: Resource) -> None:
    document = {"metadata": {"name": "a", "namespace": "b"}}
    assert field_value(resource, document, "metadata.name") == "a"
    assert field_value(resource, document, "metadata.namespace") == "b"


def test_field_selectors_match_what_a_document_has() -> None:
    selector = parse_field_selector("metadata.name=a,spec.nodeName=,status.phase!=Failed")
    values = {"metadata.name": "a", "spec.nodeName": "", "status.phase": "Running"}
    assert selector.matches(values.get)
    assert not selector.matches((values | {"status.phase": "Failed"}).get)
    assert not selector.matches((values | {"spec.nodeName": "n"}).get)
