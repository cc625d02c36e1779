"""Port resolution (P-300 … P-303, TV-32)."""

from __future__ import annotations

import pytest

from minikubelet.manifest.pod import Container, ContainerPort
from minikubelet.probes.ports import PortError, resolve_port

CONTAINER = Container(
    name="app",
    ports=(
        ContainerPort(93, name="found", host_port=1093),
        ContainerPort(94, name="found"),
        ContainerPort(0, name="zero"),
    ),
)


@pytest.mark.parametrize(
    ("port", "number"),
    [
        pytest.param(76, 76, id="TV-32: a number is itself"),
        pytest.param(1, 1, id="P-302: from 1"),
        pytest.param(65535, 65535, id="P-302: to 65535"),
        pytest.param("found", 93, id="TV-32: a name is the first containerPort of that name"),
        pytest.param("118", 118, id="TV-32: a name that is a number is that number"),
        pytest.param("+118", 118, id="P-301: with a sign, as Go reads it"),
    ],
)
def test_resolves(port: int | str, number: int) -> None:
    assert resolve_port(port, CONTAINER) == number


@pytest.mark.parametrize(
    ("port", "text"),
    [
        pytest.param(-1, "invalid port number: -1", id="TV-32: a negative number"),
        pytest.param(0, "invalid port number: 0", id="P-302: zero"),
        pytest.param(65536, "invalid port number: 65536", id="P-302: beyond 65535"),
        pytest.param("-1", "invalid port number: -1", id="TV-32: a negative number as a name"),
        pytest.param("zero", "invalid port number: 0", id="P-302: a named port without a number"),
        pytest.param(
            "", 'strconv.Atoi: parsing "": invalid syntax', id="TV-32: the empty name"
        ),
        pytest.param(
            "web", 'strconv.Atoi: parsing "web": invalid syntax', id="P-301: an unknown name"
        ),
        pytest.param(
            "1_0", 'strconv.Atoi: parsing "1_0": invalid syntax', id="P-301: Python's own numbers"
        ),
        pytest.param(
            "9" * 19,
            'strconv.Atoi: parsing "9999999999999999999": value out of range',
            id="P-301: a number that is too large",
        ),
    ],
)  # fmt: skip
def test_refuses(port: int | str, text: str) -> None:
    with pytest.raises(PortError) as caught:
        resolve_port(port, CONTAINER)
    assert str(caught.value) == text
