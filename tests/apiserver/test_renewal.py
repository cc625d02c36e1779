"""Certificates that end while the server runs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from minikubelet.apiserver.pki import Pki, prepare_pki, renewed_pki, server_context
from minikubelet.apiserver.renewal import LOOK_SECONDS, Renewal
from tests.fakes.clock import FakeClock
from tests.runtime.harness import eventually

DAY = timedelta(days=1).total_seconds()


class Served:
    """A TLS server whose certificates are looked after, and what its owner is told."""

    def __init__(
        self, directory: Path, renew: Callable[[Pki, datetime], Pki] = renewed_pki
    ) -> None:
        # Real time on the wire: OpenSSL asks the host for it.
        self.clock = FakeClock(datetime.now(UTC) + timedelta(minutes=4))
        self.first = prepare_pki(directory / "pki", self.clock.now())
        self.told: list[Pki] = []
        self._context = server_context(self.first)
        self.renewal = Renewal(self.first, self._context, self.clock, renew)
        self._port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(
            lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=self._context
        )
        self._port = server.sockets[0].getsockname()[1]
        async with server, asyncio.TaskGroup() as group:
            task = group.create_task(self.renewal.run(self.told.append))
            await self.clock.settle()
            yield
            task.cancel()

    async def pass_days(self, days: float) -> None:
        """Until the next look after these days is over."""
        before = self.renewal.pki
        self.clock.shift(days * DAY)
        await self.clock.advance(LOOK_SECONDS)
        await eventually(lambda: self.renewal.pki is not before, "they were renewed")

    async def certificate(self, pki: Pki) -> bytes:
        """What a new client gets that knows the authority of `pki`, and is strict about it."""
        context = ssl.create_default_context(cadata=pki.ca_pem.decode())
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=context)
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        return found


async def test_new_connections_get_renewed_certificates(tmp_path: Path) -> None:
    served = Served(tmp_path)
    async with served.running():
        first = await served.certificate(served.first)
        await served.clock.advance(LOOK_SECONDS)
        assert await served.certificate(served.first) == first
        await served.pass_days(800)
        with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
            await served.certificate(served.first)
    assert served.renewal.pki.until > served.first.until
    assert served.told == []  # clients keep their authority
    assert served.renewal.pki.token == served.first.token


async def test_clients_are_told_of_a_new_authority(tmp_path: Path) -> None:
    served = Served(tmp_path)
    (served.first.directory / "token").unlink()
    async with served.running():
        await served.pass_days(-400)  # the clock was set back
        assert [pki.ca_pem for pki in served.told] == [served.renewal.pki.ca_pem]
        assert served.told[0].ca_pem != served.first.ca_pem
        assert served.told[0].token == served.first.token  # which the server goes on to expect
        await served.certificate(served.told[0])


async def test_what_cannot_be_renewed_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [OSError("No space left on device")]

    def renew(pki: Pki, now: datetime) -> Pki:
        if failures:
            raise failures.pop()
        return renewed_pki(pki, now)

    served = Served(tmp_path, renew)
    async with served.running():
        served.clock.shift(800 * DAY)
        await served.clock.advance(LOOK_SECONDS)
        await eventually(lambda: "cannot renew the certificates" in caplog.text, "it failed")
        await served.pass_days(0)
    assert served.renewal.pki.until > served.first.until


async def test_the_client_certificate_is_renewed_with_the_others(tmp_path: Path) -> None:
    served = Served(tmp_path)
    before = served.first.certificate_path("client").read_bytes()
    async with served.running():
        await served.pass_days(800)
    assert served.first.certificate_path("client").read_bytes() != before
