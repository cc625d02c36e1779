"""One daemon, from its start to its end.

Role: opens what is durable (lock, journal, store), builds the node and its API, owns the root
TaskGroup and the signals, tells users and systemd how it goes.
Invariants: a daemon that ends, however, leaves the containers to their shims, unless it was asked
to stop the Pods; the journal hears of everything first.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import shlex
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from minikubelet import __version__
from minikubelet.assembly import NodeOptions, daemon_node, local_node, new_identity
from minikubelet.clock import SystemClock
from minikubelet.daemon.config import Config
from minikubelet.daemon.lock import LockedError, locked
from minikubelet.daemon.notify import Notifier
from minikubelet.journal import Journal
from minikubelet.journal_file import JournalFile
from minikubelet.log import get_logger
from minikubelet.node.daemon_node import DaemonNode
from minikubelet.node.event_writer import EventWriter
from minikubelet.node.pod_keeper import LaterFormatError
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.images_file import ImagesFileError, load_catalog
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.listening import port_holders
from minikubelet.store.objects import StoreWriteError
from minikubelet.store.store import ObjectStore, sqlite_store

if TYPE_CHECKING:  # imported when the Pods of the last daemon have been taken over
    from minikubelet.daemon.api import NodeApi

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

log = get_logger(__name__)


class CannotStartError(Exception):
    """Why, and what to do about it."""


async def run_daemon(config: Config, announce: Callable[[str], None]) -> None:
    """Until a signal asks for the end. `announce` gets what the user reads when all is ready.

    Raises CannotStartError.
    """
    layout = Layout(config.state_dir, config.log_dir, config.runtime_dir)
    try:
        layout.prepare()
        with locked(config.state_dir):
            await _Daemon(config, layout, _catalog(config)).run(announce)
    except (LockedError, StoreWriteError, LaterFormatError) as error:
        raise CannotStartError(str(error)) from error
    except OSError as error:
        if error.filename is None:
            raise
        raise CannotStartError(f"cannot use {error.filename}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    is_other_kind = isinstance(error, FileExistsError)  # made where something else is
    return "it is not a directory" if is_other_kind else str(error.strerror)


def _catalog(config: Config) -> ImageCatalog:
    try:
        return load_catalog(config.images, os.environ.get("PATH", os.defpath))
    except ImagesFileError as error:
        raise CannotStartError(str(error)) from error


class _Daemon:
    def __init__(self, config: Config, layout: Layout, catalog: ImageCatalog) -> None:
        self._config = config
        self._layout = layout
        self._catalog = catalog
        self._clock = SystemClock()
        self._notifier = Notifier(os.environ, os.getpid())
        self._stops = asyncio.Queue[str]()
        self._node_name = config.node_name or local_node(config.pod_ip).name

    async def run(self, announce: Callable[[str], None]) -> None:
        with self._signals():
            async with self._opened() as (journal, journal_file, store):
                events = EventWriter(
                    store,
                    clock=self._clock,
                    node_name=self._node_name,
                    new_uid=new_identity().new_uid,
                    journal=journal_file,
                    ttl=timedelta(seconds=self._config.event_ttl),
                )
                journal.subscribe(events.on_record)
                events.start()
                node = daemon_node(
                    self._node_options(),
                    self._layout,
                    store=store,
                    journal=journal,
                    catalog=self._catalog,
                    write_event=events.write,
                    records_of=lambda uid: (e.record for e in journal_file.records_of(uid)),
                    clock=self._clock,
                )
                serving = self._serve(node, journal, journal_file, store, announce)
                await self._together(serving, node.run(), events.run())

    async def _together(
        self, serving: Coroutine[Any, Any, None], *parts: Coroutine[Any, Any, None]
    ) -> None:
        """Until the serving ends, or any of them says why it cannot go on."""
        failures: list[Exception] = []

        async def unless_it_cannot(part: Coroutine[Any, Any, None]) -> None:
            try:
                await part
            except (CannotStartError, LaterFormatError, OSError) as error:
                failures.append(error)
                served.cancel()

        async with asyncio.TaskGroup() as group:
            served = group.create_task(unless_it_cannot(serving), name="serving")
            watchdog = self._notifier.keep_alive(self._clock)
            tasks = [group.create_task(unless_it_cannot(part)) for part in (watchdog, *parts)]
            await asyncio.wait([served])
            for task in tasks:
                task.cancel()
        if failures:
            raise failures[0]

    async def _serve(
        self,
        node: DaemonNode,
        journal: Journal,
        journal_file: JournalFile,
        store: ObjectStore,
        announce: Callable[[str], None],
    ) -> None:
        await node.running.wait()
        _raise_open_file_limit()
        api = await self._api(node, journal, journal_file, store)
        try:
            await api.listen()
        except OSError as error:
            raise CannotStartError(self._why_not_listening(error)) from error
        try:
            kubeconfig = self._config.kubeconfig
            try:
                api.write_kubeconfig(kubeconfig)
            except OSError as error:
                text = f"cannot write the kubeconfig {kubeconfig}: {error.strerror}"
                raise CannotStartError(f"{text}: name another with --kubeconfig") from error
            for text in store.recovered:
                log.warning("the database was damaged", recovered=text)
            pods = f"{len(node.pods)} Pods" if len(node.pods) != 1 else "1 Pod"
            self._notifier.ready(f"{pods}, API at {api.url}")
            announce(self._words(api, pods))
            async with asyncio.TaskGroup() as group:
                renewing = group.create_task(api.keep_renewed(kubeconfig), name="renewing")
                await self._stopped(node)
                renewing.cancel()
        finally:
            await api.stop()

    async def _stopped(self, node: DaemonNode) -> None:
        """Wait for the end, and stop the Pods if they are to stop with it."""
        why = await self._stops.get()
        if not self._config.stop_pods_on_exit:
            log.info("ending, Pods go on", signal=why)
            self._notifier.stopping("ending, Pods go on")
            return
        log.info("stopping the Pods", signal=why)
        self._notifier.stopping("stopping the Pods")
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(node.stop_pods())
            again = group.create_task(self._killed_when_asked_again(node))
            await stopping
            again.cancel()

    async def _killed_when_asked_again(self, node: DaemonNode) -> None:
        why = await self._stops.get()
        log.warning("killing the Pods at once", signal=why)
        await node.stop_pods(grace_period_seconds=0)

    async def _api(
        self, node: DaemonNode, journal: Journal, journal_file: JournalFile, store: ObjectStore
    ) -> NodeApi:
        from minikubelet.apiserver.health import HealthCheck
        from minikubelet.apiserver.metric_series import Series
        from minikubelet.daemon.api import ApiParts, NodeApi

        series = Series()
        journal.subscribe(series.record)
        return await NodeApi.prepared(
            ApiParts(
                store=store,
                clock=self._clock,
                node_name=self._node_name,
                identity=new_identity,
                layout=self._layout,
                journal=journal_file,
                series=series,
                streams=node.runtime,
                checks=(
                    HealthCheck("store", lambda: store.failing or None),
                    HealthCheck("spawner", lambda: None if node.runtime.spawner_pid else "none"),
                ),
            ),
            pki_dir=self._config.state_dir / "pki",
            listen=self._config.listen,
        )

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[tuple[Journal, JournalFile, ObjectStore]]:
        journal = Journal(self._clock)
        journal_file = JournalFile(
            self._config.state_dir / "journal",
            clock=self._clock,
            max_bytes=self._config.journal_max_size,
            max_age=timedelta(seconds=self._config.journal_max_age),
        )
        journal_file.open()
        try:
            journal.subscribe(journal_file.on_record)
            store = sqlite_store(self._config.state_dir / "state.db", self._clock)
            await store.open()
            try:
                yield journal, journal_file, store
            except BaseException:
                try:
                    await store.close()
                except StoreWriteError as error:  # it must not hide why the daemon ends
                    log.error("the last changes are lost", why=error)
                raise
            await store.close()
        finally:
            journal_file.close()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self._stops.put_nowait, number.name)
        try:
            yield
        finally:
            for number in _STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def _node_options(self) -> NodeOptions:
        config = self._config
        return NodeOptions(
            name=self._node_name,
            labels=config.node_label,
            pod_ip=config.pod_ip,
            max_pods=config.max_pods,
            inherit_environment=config.inherit_env,
            manifests=config.manifests,
        )

    def _why_not_listening(self, error: OSError) -> str:
        listen = self._config.listen
        if error.errno in (errno.EADDRNOTAVAIL, None):  # None: from Python 3.13 on
            return f"cannot listen on {listen}: this host has no address {listen.host}"
        if error.errno == errno.EACCES:
            return f"cannot listen on {listen}: ports below 1024 are for root: choose another"
        holder = port_holders([listen.port]).get(listen.port, "")
        taken = f"the port is taken by {holder}" if holder else error.strerror
        return (
            f"cannot listen on {listen}: {taken}: choose another with --listen "
            f"{listen.host}:PORT, or any free one with port 0"
        )

    def _words(self, api: NodeApi, pods: str) -> str:
        config = self._config
        manifests = config.manifests
        static = f"static manifests: {manifests}" if manifests else "no directory of manifests"
        return f"""\
minikubelet {__version__}: node {self._node_name}, {pods}, state in {config.state_dir}
{static}; API at {api.url}

  export KUBECONFIG={shlex.quote(str(config.kubeconfig))}
  kubectl get pods
"""


def _raise_open_file_limit() -> None:
    """Each connection is an open file. The spawner runs already, so containers keep the limit that
    programs expect."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
