"""Pods whose applications do, for real and simulated, the same."""

from __future__ import annotations

from typing import Any

from tests.simulate.reality import PlayedApp, Scene, probe

HTTP = "--http {port}"
READY: dict[str, Any] = {"httpGet": {"path": "/readyz", "port": "{port}"}}
ALIVE: dict[str, Any] = {"httpGet": {"path": "/healthz", "port": "{port}"}}


def one(
    name: str,
    seconds: float,
    mock: str,
    script: str,
    spec: dict[str, Any] | None = None,
    **fields: Any,
) -> Scene:
    """A Pod of one container."""
    return Scene(name, seconds, {"app": PlayedApp(mock, script, fields)}, spec or {})


SCENES = (
    one(
        "ready-late",
        3.5,
        f"{HTTP} --ready-after 2.5s",
        "ready after 2.5s",
        readinessProbe=probe(**READY),
    ),
    one(
        "listens-late",
        2.5,
        f"{HTTP} --listen-after 1.5s",
        "listens after 1.5s",
        readinessProbe=probe(**READY),
    ),
    one(
        "breaks",
        4.5,
        f"{HTTP} --fail-after 1.5s",
        "fails at 1.5s",
        livenessProbe=probe(**ALIVE, failureThreshold=2),
    ),
    one(
        "hangs-and-ignores-term",
        4.5,
        f"{HTTP} --hang-after 1.5s --ignore-term",
        "hangs at 1.5s, ignores TERM",
        livenessProbe=probe(**ALIVE, failureThreshold=1),
    ),
    one(
        "slow-but-in-time",
        2.9,
        f"{HTTP} --slow 600ms",
        "answers in 600ms",
        readinessProbe=probe(**READY),
    ),
    one(
        "too-slow",
        4.5,
        f"{HTTP} --slow 1500ms",
        "answers in 1500ms",
        readinessProbe=probe(**READY, periodSeconds=2, failureThreshold=2),
    ),
    one(
        "recovers",
        3.5,
        f"{HTTP} --fail-after 1.5s --fail-for 1s",
        "fails at 1.5s for 1s",
        readinessProbe=probe(**READY, failureThreshold=1),
    ),
    one(
        "flaps",
        3.5,
        f"{HTTP} --flap 1/3",
        "flaps 1/3",
        readinessProbe=probe(**READY, failureThreshold=1),
    ),
    one(
        "fails-for-good",
        3,
        "--exit-after 1500ms:3 --log-every 1h",
        "exits at {1.5} with 3",
        {"restartPolicy": "Never"},
    ),
    one("crash-loop", 3, "--exit-after 700ms:1 --log-every 1h", "exits at {0.7} with 1"),
    one(
        "stops-slowly",
        1.5,
        "--term-delay 1s",
        "stops in 1s",
        {"terminationGracePeriodSeconds": 3},
    ),
    one(
        "tcp",
        3.5,
        "--tcp {port} --fail-after 1.5s",
        "fails at 1.5s",
        readinessProbe=probe(tcpSocket={"port": "{port}"}, failureThreshold=2),
    ),
    one(
        "grpc",
        3.5,
        "--grpc {port} --ready-after 2.5s",
        "ready after 2.5s",
        readinessProbe=probe(grpc={"port": "{port}"}),
    ),
    one(
        "grpc-hangs",
        4.5,
        "--grpc {port} --hang-after 1.5s",
        "hangs at 1.5s",
        readinessProbe=probe(grpc={"port": "{port}"}, periodSeconds=2, failureThreshold=1),
    ),
    one(
        "startup",
        4.5,
        f"{HTTP} --ready-after 2.5s",
        "ready after 2.5s",
        startupProbe=probe(**READY, failureThreshold=5),
        livenessProbe=probe(**ALIVE),
    ),
    one(
        "never-starts",
        3.5,
        f"{HTTP} --listen-after 60s",
        "listens after 60s",
        startupProbe=probe(**ALIVE, failureThreshold=2),
    ),
    Scene(
        "init-then-app",
        2.4,
        {
            "prepare": PlayedApp("--exit-after 500ms --log-every 1h", "exits at {0.5}", init=True),
            "app": PlayedApp(HTTP, "", {"readinessProbe": probe(**READY)}),
        },
    ),
    Scene(
        "sidecar-and-hook",
        2.5,
        {
            "side": PlayedApp(
                "--term-delay 300ms", "stops in 300ms", {"restartPolicy": "Always"}, init=True
            ),
            "app": PlayedApp(
                HTTP,
                "",
                {
                    "readinessProbe": probe(**READY),
                    "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
                },
            ),
        },
        {"terminationGracePeriodSeconds": 4},
    ),
)
