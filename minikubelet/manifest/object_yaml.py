"""Objects as YAML in the style of kubectl. Pure but for the import of PyYAML.

Invariants: keys are sorted; what is printed reads back as the same object.
Upstream: sigs.k8s.io/yaml, for cli-runtime's printer and the API server's serializer.
"""

from __future__ import annotations

import re
from typing import Any

_PART = re.compile(r"\d+|[^\d]")
_WIDTH = 80
_ALSO_QUOTED = re.compile(
    r"0[0-7_]+|0b[01_]+|[-+]?0x[0-9a-fA-F_]+|0o[0-7]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[yYnN]|\d{4}-\d\d?-\d\d?"
)
"""Numbers and booleans that only some readers of YAML take for such."""


def yaml_text(document: Any) -> str:
    import yaml

    # The dumper in C knows no own sorting; this one gets its mappings in order.
    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    # `=` is a type of its own to PyYAML, and plain text to everybody else.
    resolvers = base.yaml_implicit_resolvers
    Dumper.yaml_implicit_resolvers = {sign: resolvers[sign] for sign in resolvers if sign != "="}

    def write_text(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(dumper, text))

    Dumper.add_representer(str, write_text)
    text: str = yaml.dump(
        ordered(document),
        Dumper=Dumper,
        default_flow_style=False,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
    )
    return text


def ordered(value: Any) -> Any:
    """The same with sorted mappings: signs, numbers by value, then letters."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=_natural)}
    return [ordered(item) for item in value] if isinstance(value, list) else value


def _style(dumper: Any, text: str) -> str | None:
    if "\n" in text:
        return "|"
    plain = "tag:yaml.org,2002:str"
    import yaml

    if (
        _ALSO_QUOTED.fullmatch(text)
        or dumper.resolve(yaml.ScalarNode, text, (True, False)) != plain
    ):
        return '"'
    return None


def _natural(key: str) -> tuple[tuple[int, int, int], ...]:
    return tuple(_rank(part) for part in _PART.findall(str(key)))


def _rank(part: str) -> tuple[int, int, int]:
    if part[0].isdigit():
        return (1, int(part), len(part))
    return (2 if part.isalpha() else 0, ord(part), 0)
