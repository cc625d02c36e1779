"""Values of Secrets do not pass, in whatever form."""

from __future__ import annotations

import base64

import pytest

from minikubelet.check.redact import Redactor
from minikubelet.manifest.meta import ObjectMeta, Secret
from minikubelet.pod.pod_status import ContainerStatus, PodStatus, Terminated
from tests.cli.records import an_exit

PEM = b"-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----\n"


def a_redactor(*values: bytes) -> Redactor:
    data = {f"key{number}": value for number, value in enumerate(values)}
    return Redactor([Secret(ObjectMeta(name="s"), data)])


@pytest.mark.parametrize(
    ("value", "text", "redacted"),
    [
        pytest.param(b"hunter2", "password=hunter2!", "password=***!", id="the value itself"),
        pytest.param(b"hunter2\n", "got 'hunter2'", "got '***'", id="without its newline"),
        pytest.param(
            b"hunter2", base64.b64encode(b"hunter2").decode(), "***", id="the value in base64"
        ),
        pytest.param(b"a b&c", "?p=a%20b%26c", "?p=***", id="quoted for a URL"),
        pytest.param(b"a b&c", "?p=a+b%26c", "?p=***", id="quoted for a form"),
        pytest.param(b'say "hi"', r'{"p":"say \"hi\""}', '{"p":"***"}', id="escaped for JSON"),
        pytest.param(PEM, "key MIIEvQIBADANBgkqhkiG", "key ***", id="one line of many"),
        pytest.param(b"no", "no, not now", "no, not now", id="two letters are no secret"),
        pytest.param(b"", "nothing", "nothing", id="an empty value"),
    ],
)
def test_text(value: bytes, text: str, redacted: str) -> None:
    assert a_redactor(value).text(text) == redacted


def test_a_value_that_begins_with_another_one_goes_as_a_whole() -> None:
    assert a_redactor(b"hunter", b"hunter2").text("hunter2") == "***"


def test_bytes_that_are_no_text() -> None:
    assert a_redactor(b"\xff\xfe\xfd\xfc").data(b"<\xff\xfe\xfd\xfc>") == b"<***>"


def test_only_free_texts_of_a_record_change() -> None:
    record = an_exit(1, message="bad password Error", survivors=("7 password",))
    redacted = a_redactor(b"password", b"Error", b"app").value(record)
    assert redacted.message == "bad *** ***"
    assert redacted.survivors == ("7 ***",)
    assert (redacted.reason, redacted.container) == ("Error", "app")


def test_statuses_at_any_depth() -> None:
    ended = Terminated(1, message="hunter2")
    status = PodStatus(container_statuses=(ContainerStatus("app", ended),))
    redacted = a_redactor(b"hunter2").value(status)
    assert redacted.container_statuses == (ContainerStatus("app", Terminated(1, message="***")),)


def test_without_secrets_nothing_is_touched() -> None:
    record = an_exit(1)
    assert Redactor([]).value(record) is record
