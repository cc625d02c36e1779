"""A real `minikubelet daemon` in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

PATIENCE_SECONDS = 30.0
_ANNOUNCED = b"kubectl get pods"


class DaemonProcess:
    """Everything of it lies in `directory`; the API listens on the same port after a restart."""

    def __init__(self, directory: Path, *args: str, env: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.log = directory.with_name(directory.name + ".daemon.log")
        self._args = args
        self._env = dict(os.environ if env is None else env)
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    def start(self) -> None:
        """Returns when the API says that it is ready."""
        command = [
            sys.executable,
            "-m",
            "minikubelet",
            "daemon",
            f"--state-dir={self.directory}",
            f"--listen=127.0.0.1:{self._port}",
            *self._args,
        ]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._env,
            )
        if not self._announces():
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"the daemon did not start:\n{self.log.read_text()}")
        self._port = int(self._config()["clusters"][0]["cluster"]["server"].rpartition(":")[2])

    def _announces(self) -> bool:
        """Whether it says how to use it, which it does when it is ready."""
        assert self._process is not None
        assert self._process.stdout is not None
        said, out = b"", self._process.stdout.fileno()
        while _ANNOUNCED not in said:
            ready, _, _ = select.select([out], [], [], PATIENCE_SECONDS)
            data = os.read(out, 4096) if ready else b""
            if not data:
                return False
            said += data
        return True

    def kill(self) -> None:
        """SIGKILL: the containers go on. May be repeated."""
        assert self._process is not None
        self._process.kill()
        self._reap()

    def _reap(self, timeout: float | None = None) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        code = self._process.wait(timeout)
        self._process.stdout.close()
        return code

    def terminate(
        self, timeout: float = PATIENCE_SECONDS, number: signal.Signals = signal.SIGTERM
    ) -> int:
        """Ask for the end; the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._reap(timeout)

    def stop_with_pods(self) -> None:
        """Leave nothing: a last daemon that stops its Pods at once, in whatever state this one
        is."""
        if self._process is None:
            return
        self.kill()
        args = (*self._args, "--stop-pods-on-exit")
        last = DaemonProcess(self.directory, *args, env=self._env)
        last.start()
        for path in last.pod_paths():
            last.request("DELETE", f"{path}?gracePeriodSeconds=0")
        assert last.terminate() == 0, last.log.read_text()

    def pod_paths(self) -> list[str]:
        items = json.loads(self.request("GET", "/api/v1/pods"))["items"]
        return [
            f"/api/v1/namespaces/{item['metadata']['namespace']}/pods/{item['metadata']['name']}"
            for item in items
        ]

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of the answer, whatever its status."""
        with self._connection() as connection:
            connection.request(method, path, body, self._headers())
            return connection.getresponse().read()

    def lines(self, path: str) -> Iterator[bytes]:
        """Of an answer that goes on, such as a watch."""
        with self._connection() as connection:
            connection.timeout = PATIENCE_SECONDS
            connection.request("GET", path, headers=self._headers())
            yield from connection.getresponse()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._user()['token']}"}

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPSConnection]:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, context=context, timeout=10
        )
        try:
            yield connection
        finally:
            connection.close()

    def _user(self) -> dict[str, str]:
        user: dict[str, str] = self._config()["users"][0]["user"]
        return user

    def _config(self) -> dict[str, list[dict[str, dict[str, str]]]]:
        config: dict[str, list[dict[str, dict[str, str]]]] = yaml.safe_load(
            self.kubeconfig.read_text()
        )
        return config
