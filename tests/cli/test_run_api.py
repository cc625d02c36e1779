"""`run` and `check` serve the API of their Pods, for kubectl and client libraries."""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import urllib.parse
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.cli.run_process import PATIENCE_SECONDS, Fact, a_container, a_pod, running, write
from tests.kubectl import Kubectl, each_kubectl, kubectl_for

PODS = "/api/v1/namespaces/default/pods"
TICKING = "echo up; while sleep 0.1; do echo tick; done"


def _names_kubeconfig(fact: Fact) -> bool:
    return fact["type"] == "status" and "KUBECONFIG" in fact["message"]


def kubeconfig_of(fact: Fact) -> Path:
    found = re.fullmatch(r"for kubectl: export KUBECONFIG=(.+)", fact["message"])
    assert found is not None
    return Path(found[1])


@pytest.mark.kubectl
@pytest.mark.parametrize("version", each_kubectl()[-1:])
def test_kubectl_sees_and_ends_what_runs(version: str, tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", TICKING)))
    with running(path) as run:
        told = run.wait_for(_names_kubeconfig)
        kubeconfig = kubeconfig_of(told)
        assert kubeconfig.stat().st_mode & 0o777 == 0o600
        kubectl = kubectl_for(version, kubeconfig, tmp_path / "cache")
        _look(kubectl)
        kubectl.ok("delete", "pod", "web", "--now")
        assert run.end() == 0  # stopped by the user
        assert run.summary()["verdict"] == "stopped cleanly (deleted)"
    assert not kubeconfig.exists()


def _look(kubectl: Kubectl) -> None:
    pods = json.loads(kubectl.ok("get", "pods", "-o", "json"))["items"]
    assert [(p["metadata"]["name"], p["status"]["phase"]) for p in pods] == [("web", "Running")]
    assert kubectl.ok("logs", "web").startswith("up\ntick\n")
    reasons = kubectl.ok("get", "events", "-o", "jsonpath={.items[*].reason}").split()
    assert {"Created", "Started"} <= set(reasons)


def test_who_deletes_the_last_pod_sees_that_it_is_gone(tmp_path: Path) -> None:
    """kubectl asks again after its deletion, and would ask a server that has left for ever."""
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", TICKING)))
    with running(path) as run:
        kubeconfig = kubeconfig_of(run.wait_for(_names_kubeconfig))
        deleter, watcher = connection_to(kubeconfig), connection_to(kubeconfig)
        with closing(deleter), closing(watcher):
            changes = watcher.get(f"{PODS}?watch=1")
            deleter.delete(f"{PODS}/web?gracePeriodSeconds=1").read()
            types = (json.loads(line)["type"] for line in changes)
            assert "DELETED" in types  # reads on until it comes
            assert deleter.get(f"{PODS}/web").status == 404
        assert run.end() == 0


class Connection(http.client.HTTPSConnection):
    """One connection, kept open, to the API of a run."""

    def __init__(self, server: str, token: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        address = urllib.parse.urlsplit(server).netloc
        super().__init__(address, context=context, timeout=PATIENCE_SECONDS)
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, target: str) -> http.client.HTTPResponse:
        self.request("GET", target, headers=self._headers)
        return self.getresponse()

    def delete(self, target: str) -> http.client.HTTPResponse:
        self.request("DELETE", target, headers=self._headers)
        return self.getresponse()


def connection_to(kubeconfig: Path) -> Connection:
    config = yaml.safe_load(kubeconfig.read_text())
    return Connection(
        config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
    )


@pytest.mark.kubectl
@pytest.mark.parametrize("version", each_kubectl()[-1:])
def test_a_pod_from_kubectl_runs_beside_the_given_ones_and_ends_with_them(
    version: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", TICKING)))
    with running(path) as run:
        told = run.wait_for(_names_kubeconfig)
        kubectl = kubectl_for(version, kubeconfig_of(told), tmp_path / "cache")
        kubectl.ok("run", "guest", "--image=busybox", "--command", "--", "sleep", "3600")
        kubectl.ok("wait", "--for=condition=Ready", "pod/guest", "--timeout=20s")
        kubectl.ok("delete", "pod", "web", "--grace-period=1")
        run.end()


def test_the_command_of_a_check_has_a_kubeconfig(tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", TICKING)))
    script = (
        "import os, ssl, urllib.request, yaml;"
        "config = yaml.safe_load(open(os.environ['KUBECONFIG']));"
        "server = config['clusters'][0]['cluster']['server'];"
        "token = config['users'][0]['user']['token'];"
        "request = urllib.request.Request(server + '/api/v1/pods',"
        " headers={'Authorization': 'Bearer ' + token});"
        "context = ssl._create_unverified_context();"
        'assert b\'"phase":"Running"\' in urllib.request.urlopen(request, context=context).read()'
    )
    command = ["check", path, "--soak=0", "--", sys.executable, "-c", script]
    done = subprocess.run(
        [sys.executable, "-m", "minikubelet", *command],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, "KUBECONFIG": "/somebody/elses"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
