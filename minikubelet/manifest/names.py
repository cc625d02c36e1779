"""What a name may look like, and what to say when it does not.

Role: one function per kind of name; each returns the details of upstream's errors, none for a good
name (L-39 … L-44, L-54, L-60, V-11, V-13). Lengths are counted in bytes of UTF-8, as upstream does.
Upstream: apimachinery pkg/util/validation. Pure.
"""

from __future__ import annotations

import ipaddress
import re

_INT32_MAX = 2**31 - 1
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_UNDERSCORE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORE_SUBDOMAIN = rf"{_UNDERSCORE_LABEL}(\.{_UNDERSCORE_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_HEADER = "[-A-Za-z0-9]+"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"

_label = re.compile(_LABEL)
_subdomain = re.compile(_SUBDOMAIN)
_underscore_subdomain = re.compile(_UNDERSCORE_SUBDOMAIN)
_qualified = re.compile(_QUALIFIED)
_label_value = re.compile(_LABEL_VALUE)
_header = re.compile(_HEADER)
_config_key = re.compile(_CONFIG_KEY)
_port_charset = re.compile("[-a-z0-9]+")

_STARTS_AND_ENDS = "and must start and end with an alphanumeric character"
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    + _STARTS_AND_ENDS
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
    "'-' or '.', " + _STARTS_AND_ENDS
)
_UNDERSCORE_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
    "'_', '-' or '.', " + _STARTS_AND_ENDS
)
_QUALIFIED_TEXT = "must consist of alphanumeric characters, '-', '_' or '.', " + _STARTS_AND_ENDS
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, "
    "'-', '_' or '.', " + _STARTS_AND_ENDS
)
_HEADER_TEXT = "a valid HTTP header must consist of alphanumeric characters or '-'"
_CONFIG_KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_ENV_TEXT = (
    "a valid environment variable name must consist only of printable ASCII characters "
    "other than '='"
)
_IP_TEXT = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NOT_EMPTY = "must be non-empty"

LABEL_MAX = 63
SUBDOMAIN_MAX = 253
_PORT_NAME_MAX = 15
_GENERATED_PREFIX_MAX = 58


def between(low: int, high: int) -> str:
    """The detail for a number outside `low` … `high`."""
    return f"must be between {low} and {high}, inclusive"


def dns_label(value: str) -> list[str]:
    """Container, volume, host and namespace names (L-41, L-43)."""
    details = _too_long(value, LABEL_MAX)
    if not _label.fullmatch(value):
        if _subdomain.fullmatch(value):
            details.append("must not contain dots")
        else:
            details.append(_by_regex(_LABEL_TEXT, _LABEL, "my-name", "123-abc"))
    return details


def dns_subdomain(value: str) -> list[str]:
    """Names of most objects (L-40)."""
    details = _too_long(value, SUBDOMAIN_MAX)
    if not _subdomain.fullmatch(value):
        details.append(_by_regex(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))
    return details


def dns_search(value: str) -> list[str]:
    """An entry of dnsConfig.searches: a subdomain that may contain underscores."""
    details = _too_long(value, SUBDOMAIN_MAX)
    if not _underscore_subdomain.fullmatch(value):
        details.append(_by_regex(_UNDERSCORE_SUBDOMAIN_TEXT, _UNDERSCORE_SUBDOMAIN, "example.com"))
    return details


def qualified_name(value: str) -> list[str]:
    """Keys of labels, gates, conditions and resources: `[subdomain/]name` (L-44)."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        by_regex = _by_regex(_QUALIFIED_TEXT, _QUALIFIED, "MyName", "my.name", "123-abc")
        return [
            f"a valid label key {by_regex}"
            " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    details: list[str] = []
    if slash:
        problems = dns_subdomain(prefix) if prefix else [_NOT_EMPTY]
        details.extend(f"prefix part {problem}" for problem in problems)
    problems = _too_long(name, LABEL_MAX) if name else [_NOT_EMPTY]
    if not _qualified.fullmatch(name):
        problems.append(_by_regex(_QUALIFIED_TEXT, _QUALIFIED, "MyName", "my.name", "123-abc"))
    return details + [f"name part {problem}" for problem in problems]


def annotation_key(value: str) -> list[str]:
    """As a label key, but upper case is allowed in the prefix too."""
    return qualified_name(value.lower())


def label_value(value: str) -> list[str]:
    details = _too_long(value, LABEL_MAX)
    if not _label_value.fullmatch(value):
        details.append(_by_regex(_LABEL_VALUE_TEXT, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return details


def port_name(value: str) -> list[str]:
    """An IANA service name, one detail per broken rule (V-13)."""
    details = _too_long(value, _PORT_NAME_MAX)
    if not _port_charset.fullmatch(value):
        details.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not any("a" <= char <= "z" for char in value):
        details.append("must contain at least one letter (a-z)")
    if "--" in value:
        details.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        details.append("must not begin or end with a hyphen")
    return details


def port_number(value: int) -> list[str]:
    return [] if 1 <= value <= 65535 else [between(1, 65535)]


def user_or_group_id(value: int) -> list[str]:
    return [] if 0 <= value <= _INT32_MAX else [between(0, _INT32_MAX)]


def env_name(value: str) -> list[str]:
    """Since 1.32 nearly anything printable; the empty name is reported by the caller (L-60)."""
    good = all(" " <= char <= "~" and char != "=" for char in value)
    return [] if good else [_ENV_TEXT]


def http_header_name(value: str) -> list[str]:
    if _header.fullmatch(value):
        return []
    return [_by_regex(_HEADER_TEXT, _HEADER, "X-Header-Name")]


def config_key(value: str) -> list[str]:
    """A key of a ConfigMap or Secret, which becomes a file name."""
    details = _too_long(value, SUBDOMAIN_MAX)
    if not _config_key.fullmatch(value):
        details.append(_by_regex(_CONFIG_KEY_TEXT, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if value in {".", ".."}:
        details.append(f"must not be '{value}'")
    elif value.startswith(".."):
        details.append("must not start with '..'")
    return details


def ip_address(value: str) -> list[str]:
    """IPv4 or IPv6 without a zone; an IPv4 octet may have leading zeros, and is decimal."""
    octets = value.split(".")
    if len(octets) == 4 and all(octet.isdigit() for octet in octets):
        value = ".".join(octet.lstrip("0") or "0" for octet in octets)
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return [_IP_TEXT]
    return [_IP_TEXT] if "%" in value else []


def generated_name(prefix: str, suffix: str) -> str:
    """A name for `metadata.generateName`; `suffix` is five random characters (L-34)."""
    return prefix[:_GENERATED_PREFIX_MAX] + suffix


def _too_long(value: str, limit: int) -> list[str]:
    if len(value.encode("utf-8", "surrogatepass")) > limit:
        return [f"must be no more than {limit} characters"]
    return []


def _by_regex(text: str, regex: str, *examples: str) -> str:
    """The two blanks before `or` are upstream's (L-39)."""
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {shown}regex used for validation is '{regex}')"
