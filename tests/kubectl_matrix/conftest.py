"""One daemon per test process, one namespace per test, each version of kubectl in turn."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.daemon_process import DaemonProcess
from tests.kubectl import Kubectl, kubectl_for

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def daemon() -> Iterator[DaemonProcess]:
    with tempfile.TemporaryDirectory(prefix="matrix-") as directory:
        base = Path(directory)
        base.chmod(0o711)
        daemon = DaemonProcess(base / "node")
        daemon.start()
        try:
            yield daemon
        finally:
            daemon.stop_with_pods()


@pytest.fixture
def namespace(daemon: DaemonProcess) -> Iterator[str]:
    """A new one, and gone with all that is in it afterwards."""
    name = f"t{next(_numbers)}"
    path = "/api/v1/namespaces"
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    answer = json.loads(daemon.request("POST", path, json.dumps(document).encode()))
    assert answer["metadata"]["name"] == name, answer
    yield name
    for pod in daemon.pod_paths():
        if f"/namespaces/{name}/" in pod:
            daemon.request("DELETE", f"{pod}?gracePeriodSeconds=0")
    daemon.request("DELETE", f"{path}/{name}")


@pytest.fixture
def kubectl(version: str, daemon: DaemonProcess, namespace: str, tmp_path: Path) -> Kubectl:
    """The version under test, its context set to the test's namespace."""
    config = yaml.safe_load(daemon.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = namespace
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    cache = daemon.directory.parent / f"cache-{version}"
    return kubectl_for(version, kubeconfig, cache)
