"""Names: what is good, and upstream's words for what is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from minikubelet.manifest import names

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
HEADER = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', "
    "regex used for validation is '[-A-Za-z0-9]+')"
)
KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
    "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
ENV = (
    "a valid environment variable name must consist only of printable ASCII characters other "
    "than '='"
)
IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        pytest.param(names.dns_subdomain, "a" * 253, id="a subdomain of 253"),  # L-40
        pytest.param(names.dns_subdomain, "web-1.example.com", id="a subdomain with dots"),
        pytest.param(names.dns_label, "0" * 63, id="a label of 63 digits"),  # L-41
        pytest.param(names.qualified_name, "example.com/Tier_1.a", id="a prefixed key"),  # L-44
        pytest.param(names.qualified_name, "A" * 63, id="a key of 63"),
        pytest.param(names.annotation_key, "Example.COM/x", id="an upper case annotation prefix"),
        pytest.param(names.label_value, "", id="an empty label value"),
        pytest.param(names.port_name, "http-2", id="a port name"),  # L-54
        pytest.param(names.env_name, "1 strange-name!", id="nearly any variable name"),  # L-60
        pytest.param(names.http_header_name, "X-Probe", id="a header"),  # V-11
        pytest.param(names.config_key, "app.properties", id="a config key"),
        pytest.param(names.config_key, ".hidden", id="a key with one leading dot"),
        pytest.param(names.dns_search, "_tcp.example.com", id="a search path with underscore"),
        pytest.param(names.ip_address, "010.0.0.1", id="an address with leading zeros"),
        pytest.param(names.ip_address, "2001:db8::1", id="an IPv6 address"),
        pytest.param(names.port_number, 65535, id="the last port"),  # V-12
        pytest.param(names.user_or_group_id, 2**31 - 1, id="the last id"),
    ],
)
def test_good(rule: Callable[[object], list[str]], value: object) -> None:
    assert rule(value) == []


@pytest.mark.parametrize(
    ("rule", "value", "details"),
    [
        pytest.param(names.dns_subdomain, "Bad", [SUBDOMAIN], id="upper case"),  # L-40
        pytest.param(
            names.dns_subdomain,
            "a" * 254,
            ["must be no more than 253 characters"],  # L-39
            id="too long a subdomain",
        ),
        pytest.param(names.dns_label, "a.b", ["must not contain dots"], id="dots"),  # L-41
        pytest.param(names.dns_label, "Main", [LABEL], id="an upper case label"),
        pytest.param(names.dns_label, "a\n", [LABEL], id="a newline at the end"),
        pytest.param(
            names.dns_label,
            "a" * 63 + "-",
            ["must be no more than 63 characters", LABEL],
            id="two faults are two details",
        ),
        pytest.param(names.qualified_name, "bad key", [QUALIFIED], id="a blank"),  # L-44
        pytest.param(
            names.qualified_name, "", ["name part must be non-empty", QUALIFIED], id="no key"
        ),
        pytest.param(
            names.qualified_name,
            "/x",
            ["prefix part must be non-empty"],
            id="an empty prefix",
        ),
        pytest.param(names.qualified_name, "A/x", [f"prefix part {SUBDOMAIN}"], id="a bad prefix"),
        pytest.param(
            names.qualified_name,
            "a/b/c",
            [
                QUALIFIED.replace("name part", "a valid label key")
                + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ],
            id="two slashes",
        ),
        pytest.param(
            names.qualified_name,
            "a" * 64,
            ["name part must be no more than 63 characters"],
            id="too long a key",
        ),
        pytest.param(names.label_value, "has space", [LABEL_VALUE], id="a blank in a value"),
        pytest.param(  # V-13
            names.port_name,
            "8080",
            ["must contain at least one letter (a-z)"],
            id="a quoted number",
        ),
        pytest.param(
            names.port_name,
            "-A--",
            [
                "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
                "must contain at least one letter (a-z)",
                "must not contain consecutive hyphens",
                "must not begin or end with a hyphen",
            ],
            id="each broken rule of a port name",
        ),
        pytest.param(
            names.port_name,
            "abcdefghijklmnop",
            ["must be no more than 15 characters"],
            id="16 characters",
        ),
        pytest.param(names.env_name, "A=B", [ENV], id="an equals sign"),  # L-60
        pytest.param(names.env_name, "Ä", [ENV], id="a variable beyond ASCII"),
        pytest.param(names.http_header_name, "X Y", [HEADER], id="a header with a blank"),  # V-11
        pytest.param(names.config_key, "..", ["must not be '..'"], id="the parent directory"),
        pytest.param(names.config_key, "..x", ["must not start with '..'"], id="two leading dots"),
        pytest.param(names.config_key, "a/b", [KEY], id="a slash in a key"),
        pytest.param(names.ip_address, "10.0.0.256", [IP], id="no octet"),
        pytest.param(names.ip_address, "fe80::1%eth0", [IP], id="a zone"),
        pytest.param(
            names.port_number, 0, ["must be between 1 and 65535, inclusive"], id="port 0"
        ),  # V-12
        pytest.param(
            names.user_or_group_id,
            -1,
            ["must be between 0 and 2147483647, inclusive"],
            id="a negative id",
        ),
    ],
)
def test_bad(rule: Callable[[object], list[str]], value: object, details: list[str]) -> None:
    assert rule(value) == details


def test_length_is_counted_in_bytes() -> None:  # L-39
    assert names.dns_label("ä" * 32)[0] == "must be no more than 63 characters"


def test_generated_name_keeps_room_for_the_suffix() -> None:  # L-34
    assert names.generated_name("p" * 70, "x7k2z") == "p" * 58 + "x7k2z"
