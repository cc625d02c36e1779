"""The built-in image catalog: what images of the Kubernetes documentation and of courses become
(data).

Role: such manifests run verbatim. An image whose program the host has becomes that program; else,
and for images that only demonstrate something, `minikubelet mock` plays it.
"""

from __future__ import annotations

from minikubelet.runtime.image_reference import ImagePattern
from minikubelet.runtime.images import MOCK, CatalogEntry, ImageConfig

SOURCE = "built-in catalog"


def _mock(*arguments: str) -> tuple[str, ...]:
    return (MOCK, *arguments)


_SHELL = ImageConfig(cmd=("sh",))
_BASH = ImageConfig(cmd=("bash",), stand_ins={"bash": ("sh",)})
_NGINX = ImageConfig(cmd=("nginx", "-g", "daemon off;"), stand_ins={"nginx": _mock("nginx")})

_IMAGES: dict[str, ImageConfig] = {
    "minikubelet/mock": ImageConfig(entrypoint=_mock()),
    "alpine": _SHELL,
    "busybox": _SHELL,
    "registry.k8s.io/busybox": _SHELL,
    "registry.k8s.io/e2e-test-images/busybox": _SHELL,
    "debian": _BASH,
    "ubuntu": _BASH,
    "python": ImageConfig(cmd=("python3",)),
    "node": ImageConfig(cmd=("node",)),
    "nginx": _NGINX,
    "registry.k8s.io/nginx-slim": _NGINX,
    "registry.k8s.io/e2e-test-images/nginx": _NGINX,
    "httpd": ImageConfig(cmd=("httpd-foreground",), stand_ins={"httpd-foreground": _mock("httpd")}),
    "redis": ImageConfig(cmd=("redis-server",), stand_ins={"redis-server": _mock("redis")}),
    "registry.k8s.io/pause": ImageConfig(
        entrypoint=("/pause",), stand_ins={"/pause": _mock("pause")}
    ),
    "registry.k8s.io/e2e-test-images/agnhost": ImageConfig(
        entrypoint=("/agnhost",), cmd=("pause",), stand_ins={"/agnhost": _mock("agnhost")}
    ),
    "registry.k8s.io/liveness": ImageConfig(
        cmd=("/server",), stand_ins={"/server": _mock("agnhost", "liveness")}
    ),
    "registry.k8s.io/goproxy": ImageConfig(
        entrypoint=("/goproxy",), stand_ins={"/goproxy": _mock("goproxy")}
    ),
    "luksa/kubia": ImageConfig(entrypoint=_mock("kubia")),
    "luksa/kubia-unhealthy": ImageConfig(entrypoint=_mock("kubia-unhealthy")),
    "luksa/batch-job": ImageConfig(entrypoint=_mock("batch-job")),
    "luksa/ssd-monitor": ImageConfig(entrypoint=_mock("ssd-monitor")),
    "gasbugs/http-go": ImageConfig(entrypoint=_mock("http-go")),
    "arisu1000/simple-container-app": ImageConfig(cmd=_mock("simple-container-app")),
}

BUILTIN: tuple[CatalogEntry, ...] = tuple(
    CatalogEntry(ImagePattern(pattern), config, SOURCE) for pattern, config in _IMAGES.items()
)
