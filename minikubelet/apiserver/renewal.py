"""Certificates that end while the server runs.

Role: look every hour whether the certificates are good still, have them renewed, and hand the new
ones to the connections that come.
Invariants: the server goes on with what it has when nothing can be renewed, and tries again; the
token stays the one that it started with.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from minikubelet.apiserver.pki import Pki, load_certificates, renewed_pki
from minikubelet.clock import Clock
from minikubelet.log import get_logger

log = get_logger(__name__)

LOOK_SECONDS = 3600.0
"""A host whose clock is set right after the start has certificates of another year at first."""


class Renewal:
    """`pki` is what is in place now."""

    def __init__(
        self,
        pki: Pki,
        context: ssl.SSLContext,
        clock: Clock,
        renew: Callable[[Pki, datetime], Pki] = renewed_pki,
    ) -> None:
        self.pki = pki
        self._context = context
        self._clock = clock
        self._renew = renew

    async def run(self, on_new_authority: Callable[[Pki], None]) -> None:
        """For as long as the server runs. The callback may raise OSError: clients that knew the
        old authority need to learn of the new one."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            now = self._clock.now()
            if self.pki.is_good(now):
                continue
            try:
                found = await asyncio.to_thread(self._renew, self.pki, now)
                load_certificates(self._context, found)
                if found.ca_pem != self.pki.ca_pem:
                    on_new_authority(replace(found, token=self.pki.token))
            except OSError as error:
                log.error("cannot renew the certificates", until=self.pki.until, reason=error)
                continue
            self.pki = replace(found, token=self.pki.token)
            log.info("the certificates were looked at, and renewed if need be", until=found.until)
