"""IP addresses on the command line."""

from __future__ import annotations

import argparse
import ipaddress
import socket


def host_address(text: str) -> str:
    """An address that programs of this host can listen on. For argparse: raises
    ArgumentTypeError."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IP address") from None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        text = f"{address} is not an address of this host: nothing can listen on it"
        raise argparse.ArgumentTypeError(text) from None
    return str(address)
