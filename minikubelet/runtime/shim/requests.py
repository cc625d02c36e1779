"""A request to the spawner, and on to a spare: one message with a descriptor (`protocol.py`)."""

from __future__ import annotations

import array
import os
import socket

from minikubelet.runtime.shim.protocol import SPAWNER_HEADER


def send_request(sock: socket.socket, kind: bytes, argument: bytes, passed: socket.socket) -> None:
    """To a peer that reads nothing else before, so it does not block. Raises OSError."""
    fds = array.array("i", [passed.fileno()]).tobytes()
    data = SPAWNER_HEADER.pack(kind, len(argument)) + argument
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])


def receive_request(sock: socket.socket) -> tuple[bytes, bytes, socket.socket]:
    """Raises EOFError when the peer is gone."""
    fds = array.array("i")
    space = socket.CMSG_SPACE(fds.itemsize)
    try:
        header, ancillary, _, _ = sock.recvmsg(SPAWNER_HEADER.size, space, socket.MSG_WAITALL)
    except ConnectionError as error:
        raise EOFError from error
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data)
    if len(header) < SPAWNER_HEADER.size or not fds:
        raise EOFError
    os.set_inheritable(fds[0], False)
    request, length = SPAWNER_HEADER.unpack(header)
    argument = sock.recv(length, socket.MSG_WAITALL)
    if len(argument) < length:
        raise EOFError
    # All that the system would be asked for otherwise.
    kind_of_socket = (socket.AF_UNIX, socket.SOCK_STREAM, 0)
    return request, argument, socket.socket(*kind_of_socket, fileno=fds[0])
