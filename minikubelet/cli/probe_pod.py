"""`minikubelet probe POD[/CONTAINER]`: each probe of a running Pod, once, from here.

Role: reads the Pod from the API; network probes go to its address, commands run in its containers;
beside each verdict stands what the daemon thinks.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn, Protocol

from minikubelet.cli.api_options import (
    USAGE,
    Scope,
    UsageError,
    find_resource,
    say_error,
    with_client,
)
from minikubelet.cli.client import Client, CommandError
from minikubelet.cli.probe import Teller, choose, pod_address, why_none
from minikubelet.cli.probe_daemon_view import daemon_view
from minikubelet.cli.probe_session import ChosenProbe, warm_up
from minikubelet.cli.why import parse_pod
from minikubelet.clock import SystemClock
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.json_tree import Json
from minikubelet.pod.commands import CommandRunner
from minikubelet.probes.addresses import HostLookupError
from minikubelet.probes.attempt import Attempt, Examined
from minikubelet.probes.examine import examine
from minikubelet.probes.prober import HandlerProber, ProbeTarget
from minikubelet.probes.trace import CommandRun
from minikubelet.runtime.listening import is_own_address, listeners
from minikubelet.value_class import dataclass

_PODS = find_resource("pods")
_EVENTS = find_resource("events")


def probe_pod(args: argparse.Namespace, word: str) -> int:
    """The exit code."""
    return with_client(args, lambda client, scope: _probe(args, word, client, scope))


def _probe(args: argparse.Namespace, word: str, client: Client, scope: Scope) -> int:
    name, container = parse_pod(word)
    if container and args.container:
        raise UsageError("name the container once: behind the Pod, or with -c")
    container = container or args.container
    document = client.get(scope.path(_PODS, name))
    pod = decode_pod(document)
    chosen = choose((pod,), container, args.kind)
    if not chosen:
        why = why_none((pod,), container, args.kind, whole=f"pod {name}")
        return say_error(f"error: {why}", USAGE)
    status = document.get("status") or {}
    address = args.host or status.get("podIP")
    if not address:
        raise CommandError(f"pod {name} has no address yet: it is {status.get('phase', 'new')}")
    session = _Session(client, scope, document, may_look=not args.once)
    teller = Teller(as_json=args.output == "json", no_color=args.no_color)
    try:
        asyncio.run(session.examine_all(chosen, str(address), teller))
    except HostLookupError as err:
        raise UsageError(f"cannot find the host of --host: {err}") from err
    return teller.finish()


@dataclass(frozen=True, slots=True)
class _Session:
    client: Client
    scope: Scope
    document: Json
    may_look: bool

    async def examine_all(
        self, chosen: Sequence[ChosenProbe], address: str, teller: Teller
    ) -> None:
        clock = SystemClock()
        warm_up(chosen)
        commands = self._commands(chosen)
        prober = HandlerProber(clock, commands)
        pod_ip = await pod_address(address, clock)
        for item in chosen:
            # Commands are run by container, whichever instance of it runs.
            name = item.container.name
            environment = await _environment(commands, item)
            target = ProbeTarget(item.pod, item.container, item.probe, name, pod_ip, environment)
            examined = await examine(
                target,
                prober,
                clock,
                lambda host: listeners() if is_own_address(host) else None,
                may_look=self.may_look,
            )
            view = daemon_view(self.document, name, item.probe.kind, self._events(), clock.now())
            teller.tell(_in_container(examined), view)

    def _commands(self, chosen: Sequence[ChosenProbe]) -> _Commands:
        """With the client of WebSockets only where commands are to be run."""
        if not any(item.probe.exec is not None for item in chosen):
            return _NoCommands()
        from minikubelet.cli.stream_commands import StreamedCommands

        metadata = self.document["metadata"]
        return StreamedCommands(self.client, self.scope.path(_PODS, metadata["name"]))

    def _events(self) -> list[Json]:
        metadata = self.document["metadata"]
        query = {"fieldSelector": f"involvedObject.uid={metadata.get('uid', '')}"}
        return list(self.client.get(self.scope.path(_EVENTS), query).get("items") or ())


class _Commands(CommandRunner, Protocol):
    async def environment(self, container: str) -> Mapping[str, str]: ...


class _NoCommands:
    async def exec(self, *args: object, **options: object) -> NoReturn:
        raise AssertionError("no probe runs a command")

    async def environment(self, container: str) -> NoReturn:
        raise AssertionError("no probe runs a command")


async def _environment(commands: _Commands, item: ChosenProbe) -> Mapping[str, str]:
    """Of the container, where a command refers to it (B-22)."""
    action = item.probe.exec
    if action is None or not any("$(" in word for word in action.command):
        return {}
    return await commands.environment(item.container.name)


def _in_container(examined: Examined) -> Examined:
    def placed(attempt: Attempt) -> Attempt:
        return replace(
            attempt,
            steps=tuple(
                replace(step, fact=replace(step.fact, in_container=True))
                if isinstance(step.fact, CommandRun)
                else step
                for step in attempt.steps
            ),
        )

    looks = tuple(replace(look, attempt=placed(look.attempt)) for look in examined.looks)
    return replace(examined, attempt=placed(examined.attempt), looks=looks)
