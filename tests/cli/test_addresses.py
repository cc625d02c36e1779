"""Addresses on the command line."""

from __future__ import annotations

import argparse

import pytest

from minikubelet.cli.addresses import host_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", id="loopback"),
        pytest.param("127.0.0.9", "127.0.0.9", id="every address of the loopback network"),
    ],
)
def test_an_address_of_this_host(text: str, address: str) -> None:
    assert host_address(text) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("300.1.1.1", "'300.1.1.1' is not an IP address", id="no address"),
        pytest.param("localhost", "'localhost' is not an IP address", id="a name"),
        pytest.param(
            "192.0.2.7",
            "192.0.2.7 is not an address of this host: nothing can listen on it",
            id="an address for documentation, which no host has",
        ),
    ],
)
def test_what_pods_cannot_have(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        host_address(text)
    assert str(caught.value) == message
