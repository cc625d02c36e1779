"""A server of discovery and OpenAPI documents alone, for the real kubectl."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from minikubelet.apiserver import discovery, openapi
from tests.kubectl import Kubectl, kubectl_for


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    aggregated = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        content_type, body = self._answer(self.path.partition("?")[0].strip("/").split("/"))
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Refuses, and names what was asked for in the message that kubectl prints."""
        self.rfile.read(int(self.headers["Content-Length"]))
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": self.path}
        body = json.dumps(status | {"code": 400}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, parts: list[str]) -> tuple[str, bytes]:
        match parts:
            case ["api"] | ["apis"]:
                return self._root(core=parts == ["api"])
            case ["api", version]:
                return _json(discovery.api_resource_list("", version))
            case ["apis", group, version]:
                return _json(discovery.api_resource_list(group, version))
            case ["openapi", "v2"]:
                return openapi.OPENAPI_V2_TYPE, openapi.openapi_v2()
            case ["openapi", "v3"]:
                return _json(openapi.openapi_v3_index())
            case ["openapi", "v3", "api", version]:
                return "application/json", openapi.openapi_v3("", version) or b""
            case ["openapi", "v3", "apis", group, version]:
                return "application/json", openapi.openapi_v3(group, version) or b""
        return "application/json", b""

    def _root(self, *, core: bool) -> tuple[str, bytes]:
        for wanted in self.headers.get("Accept", "").split(",") if self.server.aggregated else ():
            for version in ("v2", "v2beta1"):
                if f"v={version};" in wanted:
                    body = discovery.aggregated_discovery(core=core, version=version)
                    return discovery.discovery_content_type(version), _json(body)[1]
        return _json(discovery.api_versions() if core else discovery.api_group_list())


def _json(document: Any) -> tuple[str, bytes]:
    return "application/json", b"" if document is None else json.dumps(document).encode()


@contextmanager
def kubectl_on_documents(
    version: str, directory: Path, *, aggregated: bool = True
) -> Iterator[Kubectl]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.aggregated = aggregated
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        cluster = {"server": f"http://127.0.0.1:{server.server_address[1]}"}
        config = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "contexts": [{"name": "c", "context": {"cluster": "c"}}],
            "current-context": "c",
        }
        kubeconfig = directory / "kubeconfig"
        kubeconfig.write_text(json.dumps(config))
        yield kubectl_for(version, kubeconfig, directory / "cache")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
