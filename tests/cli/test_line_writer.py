"""Whole lines from several threads, to readers that are slow or gone."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO

import pytest

from minikubelet.cli import line_writer
from minikubelet.cli.line_writer import LineWriter


@dataclass
class Pipe:
    reader: FileIO
    writer: FileIO

    def read(self, size: int = 65536) -> bytes:
        return self.reader.read(size)

    @property
    def fd(self) -> int:
        """What is written to."""
        return self.writer.fileno()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    read, write = os.pipe()
    with FileIO(read, "r") as reader, FileIO(write, "w") as writer:
        yield Pipe(reader, writer)


def left_out(lines: int) -> bytes:
    return b"%d left out\n" % lines


class Later:
    """Stands for the thread that follows the logs: calls back when told."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[], None]] = []

    def __call__(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    def run(self) -> None:
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()


def test_lines_of_several_threads_do_not_mix(pipe: Pipe) -> None:
    writer = LineWriter(pipe.fd, left_out)
    got = bytearray()

    def reader() -> None:
        while data := pipe.read(4096):
            got.extend(data)

    def write_some(letter: bytes) -> None:
        for _ in range(50):
            writer.write(letter * 3000 + b"\n")

    reading = threading.Thread(target=reader)
    threads = [threading.Thread(target=write_some, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in (reading, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    pipe.writer.close()
    reading.join()
    lines = bytes(got).split(b"\n")[:-1]
    assert sorted(lines) == [b"a" * 3000] * 50 + [b"b" * 3000] * 50 + [b"c" * 3000] * 50


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.fd, False)
    writer = LineWriter(pipe.fd, left_out)
    thread = threading.Thread(target=writer.write, args=(b"x" * 300_000,))
    thread.start()
    left = 300_000
    while left:
        left -= len(pipe.read())
    thread.join()


def test_a_reader_that_has_left_is_told_once(pipe: Pipe) -> None:
    told: list[OSError] = []
    writer = LineWriter(pipe.fd, left_out, told.append)
    pipe.reader.close()
    writer.write(b"one\n")
    writer.write(b"two\n")
    assert [error.errno for error in told] == [errno.EPIPE]


def test_after_closing_nothing_is_written(pipe: Pipe) -> None:
    writer = LineWriter(pipe.fd, left_out)
    writer.write(b"one\n")
    writer.close()
    writer.write(b"two\n")
    pipe.writer.close()
    assert pipe.read() == b"one\n"
    assert pipe.read() == b""


def test_posted_lines_wait_for_the_log_lines(pipe: Pipe) -> None:
    writer, later = LineWriter(pipe.fd, left_out), Later()
    writer.speak_through(later)
    writer.post(b"exited\n")
    writer.write(b"log line\n")
    later.run()
    assert pipe.read() == b"log line\nexited\n"


def test_lines_that_nobody_reads_are_counted_and_left_out(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_writer, "MAX_WAITING", 2)
    writer, later = LineWriter(pipe.fd, left_out), Later()
    writer.speak_through(later)
    for i in range(5):
        writer.post(b"%d\n" % i)
    later.run()
    writer.post(b"next\n")
    later.run()
    assert pipe.read() == b"3 left out\n0\n1\nnext\n"
