"""Images of tutorials that answer HTTP: what each is known to say, byte for byte.

Role: a handler per image, made anew for each process since some of them count.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from minikubelet.mock.http import Handler, Request, Response
from minikubelet.mock.loop import Loop
from minikubelet.mock.server import say
from minikubelet.value_class import dataclass

_NGINX_WELCOME = """\
<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href="http://nginx.org/">nginx.org</a>.<br/>
Commercial support is available at
<a href="http://nginx.com/">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
"""
_NGINX_NOT_FOUND = """\
<html>
<head><title>404 Not Found</title></head>
<body>
<center><h1>404 Not Found</h1></center>
<hr><center>nginx</center>
</body>
</html>
""".replace("\n", "\r\n")
_HTML = "text/html"


@dataclass(frozen=True)
class WebImage:
    port: int
    handler: Callable[[Loop], Handler]
    greeting: str = ""
    """Printed at the start."""
    exits_on_term: bool = False
    """It takes SIGTERM as a request and exits 0; the others die of the signal."""


def host_name() -> str:
    """The pod's: a process shares the host's name, so the environment says it."""
    return os.environ.get("HOSTNAME") or socket.gethostname()


def _kubia(_loop: Loop) -> Handler:
    def handle(request: Request) -> Response:
        say(f"Received request from ::ffff:{request.peer[0]}")
        return Response(200, f"You've hit {host_name()}\n")

    return handle


def _kubia_unhealthy(loop: Loop) -> Handler:
    well, requests = _kubia(loop), 0

    def handle(request: Request) -> Response | None:
        nonlocal requests
        requests += 1
        response = well(request)
        return Response(500, "I'm not well. Please restart me!") if requests > 5 else response

    return handle


def _same(status: int, body: str, content_type: str = "text/plain; charset=utf-8") -> Handler:
    response = Response(status, body, content_type)
    return lambda _: response


def _nginx(_loop: Loop) -> Handler:
    def handle(request: Request) -> Response:
        if request.path in ("/", "/index.html"):
            return Response(200, _NGINX_WELCOME, _HTML, {"Server": "nginx"})
        return Response(404, _NGINX_NOT_FOUND, _HTML, {"Server": "nginx"})

    return handle


WEB_IMAGES: dict[str, WebImage] = {
    "nginx": WebImage(80, _nginx, exits_on_term=True),
    "httpd": WebImage(
        80,
        lambda _: _same(200, "<html><body><h1>It works!</h1></body></html>\n", _HTML),
        exits_on_term=True,
    ),
    "kubia": WebImage(8080, _kubia, "Kubia server starting..."),
    "kubia-unhealthy": WebImage(8080, _kubia_unhealthy, "Kubia server starting..."),
    "http-go": WebImage(8080, lambda _: _same(200, "Welcome! http-go\n")),
    "simple-container-app": WebImage(
        8080, lambda _: _same(200, f"Simple container app on {host_name()}\n")
    ),
    "goproxy": WebImage(
        8080,
        lambda _: _same(500, "This is a proxy server. Does not respond to non-proxy requests.\n"),
    ),
}
