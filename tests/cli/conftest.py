"""An API server for the tests of commands, and a way to run one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from aiohttp import web

from minikubelet.apiserver.services import Route
from minikubelet.cli.main import main
from tests.cli.api_server import ServedApi, api_server

METRICS = "/apis/metrics.k8s.io/v1beta1"


async def _logs(request: web.Request) -> web.Response:
    """Tells the question; the second line has no newline."""
    asked = " ".join(f"{key}={value}" for key, value in sorted(request.query.items()))
    return web.Response(text=f"{request.match_info['name']}: {asked}\n\u00e9 end")


async def _pod_metrics(request: web.Request) -> web.Response:
    def metrics(name: str, *containers: tuple[str, str, str]) -> dict[str, object]:
        listed = [{"name": n, "usage": {"cpu": c, "memory": m}} for n, c, m in containers]
        return {"metadata": {"name": name, "namespace": "default"}, "containers": listed}

    items = [
        metrics("small", ("app", "1500u", "3Mi")),
        metrics("big", ("app", "250m", "10Mi"), ("side", "1m", "1536Ki")),
    ]
    return web.json_response({"items": items})


async def _node_metrics(request: web.Request) -> web.Response:
    usage = {"cpu": "500m", "memory": "256Mi"}
    return web.json_response({"items": [{"metadata": {"name": "n1"}, "usage": usage}]})


@pytest.fixture(scope="session")
def served_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    routes = (
        Route("GET", "/api/v1/namespaces/{namespace}/pods/{name}/log", _logs),
        Route("GET", f"{METRICS}/namespaces/default/pods", _pod_metrics),
        Route("GET", f"{METRICS}/nodes", _node_metrics),
    )
    with api_server(tmp_path_factory.mktemp("api"), *routes) as served:
        yield served


@pytest.fixture
def api(served_api: ServedApi) -> Iterator[ServedApi]:
    """Without the objects of the test before."""
    yield served_api
    for storage in (("", "pods"), ("", "configmaps"), ("", "events"), ("", "nodes")):
        served_api.clear(storage)


@pytest.fixture
def run(api: ServedApi, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command: exit code, standard output, standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, f"--kubeconfig={api.kubeconfig}"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
