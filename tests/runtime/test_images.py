"""Which command stands for an image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from minikubelet.runtime.image_catalog import BUILTIN
from minikubelet.runtime.image_reference import ImagePattern
from minikubelet.runtime.images import (
    MOCK,
    CatalogEntry,
    ImageCatalog,
    ImageConfig,
    ImageNotMappedError,
    NoCommandError,
    ResolvedCommand,
    resolve_command,
)
from minikubelet.runtime.images_file import ImagesFileError, load_catalog, parse_images
from tests.pod.builders import a_container

FILE = Path("/etc/minikubelet/images.yaml")
NO_PROGRAMS = "/nonexistent"


def a_catalog(*user: tuple[str, ImageConfig], path: str = NO_PROGRAMS) -> ImageCatalog:
    entries = [CatalogEntry(ImagePattern(text), config, "images.yaml") for text, config in user]
    return ImageCatalog(entries, BUILTIN, search_path=path)


def resolve(
    image: str,
    command: Sequence[str] = (),
    args: Sequence[str] = (),
    catalog: ImageCatalog | None = None,
) -> ResolvedCommand:
    container = a_container(image=image, command=tuple(command), args=tuple(args))
    return resolve_command(container, catalog or a_catalog())


def programs(directory: Path, *names: str) -> str:
    """A PATH on which just these programs are."""
    for name in names:
        (directory / name).touch(mode=0o755)
    return str(directory)


# L-113
@pytest.mark.parametrize(
    ("command", "args", "argv"),
    [
        pytest.param((), (), ("serve", "--all"), id="the image's entrypoint and cmd"),
        pytest.param((), ("--one",), ("serve", "--one"), id="args replace the cmd"),
        pytest.param(("sh",), (), ("sh",), id="a command replaces both"),
        pytest.param(("sh",), ("-c", "x"), ("sh", "-c", "x"), id="a command with args"),
    ],
)
def test_command_and_args(
    command: tuple[str, ...], args: tuple[str, ...], argv: tuple[str, ...]
) -> None:
    catalog = a_catalog(("api", ImageConfig(entrypoint=("serve",), cmd=("--all",))))
    assert resolve("api", command, args, catalog).argv == argv


def test_the_image_gives_environment_and_directory_also_to_a_command() -> None:  # L-114, L-136
    config = ImageConfig(cmd=("serve",), env={"MODE": "debug"}, working_dir="/srv")
    catalog = a_catalog(("api", config))
    assert resolve("api", catalog=catalog) == ResolvedCommand(
        ("serve",), {"MODE": "debug"}, "/srv", "images.yaml (api)"
    )
    assert resolve("api", ["sh"], catalog=catalog) == ResolvedCommand(
        ("sh",), {"MODE": "debug"}, "/srv", "manifest"
    )


def test_a_command_needs_no_known_image() -> None:
    assert resolve("team/unknown:v1", ["./run"]) == ResolvedCommand(("./run",), {}, "", "manifest")


def test_an_unknown_image_says_what_to_do() -> None:
    with pytest.raises(ImageNotMappedError) as raised:
        resolve("team/unknown:v1", args=["--debug"])
    assert str(raised.value) == (
        'no local command for image "team/unknown:v1":'
        " set command in the manifest, or map the image in images.yaml"
    )


def test_an_image_without_a_command() -> None:  # L-109
    catalog = a_catalog(("base", ImageConfig(env={"A": "1"})))
    with pytest.raises(NoCommandError, match=r"^no command specified$"):
        resolve("base", catalog=catalog)


def test_the_users_catalog_counts_before_the_built_in_one() -> None:
    catalog = a_catalog(("*", ImageConfig(cmd=("mine",))), ("nginx:1", ImageConfig(cmd=("one",))))
    assert resolve("nginx:1", catalog=catalog).source == "images.yaml (nginx:1)"
    assert resolve("nginx:2", catalog=catalog).source == "images.yaml (*)"


@pytest.mark.parametrize(
    ("image", "args", "argv", "pattern"),
    [
        pytest.param("busybox:1.36", ("sh", "-c", "x"), ("sh", "-c", "x"), "busybox", id="busybox"),
        pytest.param(
            "registry.k8s.io/busybox",
            ("/bin/sh", "-c", "x"),
            ("/bin/sh", "-c", "x"),
            "registry.k8s.io/busybox",
            id="busybox of Kubernetes",
        ),
        pytest.param("debian", (), ("sh",), "debian", id="debian, where there is no bash"),
        pytest.param("nginx:1.14.2", (), (MOCK, "nginx", "-g", "daemon off;"), "nginx", id="nginx"),
        pytest.param("redis", (), (MOCK, "redis"), "redis", id="redis"),
        pytest.param(
            "k8s.gcr.io/liveness",
            ("/server",),
            (MOCK, "agnhost", "liveness"),
            "registry.k8s.io/liveness",
            id="the liveness server under its old name",
        ),
        pytest.param(
            "registry.k8s.io/e2e-test-images/agnhost:2.40",
            ("liveness",),
            (MOCK, "agnhost", "liveness"),
            "registry.k8s.io/e2e-test-images/agnhost",
            id="a subcommand of agnhost",
        ),
        pytest.param(
            "registry.k8s.io/e2e-test-images/agnhost:2.40",
            (),
            (MOCK, "agnhost", "pause"),
            "registry.k8s.io/e2e-test-images/agnhost",
            id="agnhost pauses by itself",
        ),
        pytest.param(
            "k8s.gcr.io/goproxy:0.1", (), (MOCK, "goproxy"), "registry.k8s.io/goproxy", id="goproxy"
        ),
        pytest.param(
            "registry.k8s.io/pause:3.9", (), (MOCK, "pause"), "registry.k8s.io/pause", id="pause"
        ),
        pytest.param(
            "minikubelet/mock",
            ("--http", "18080"),
            (MOCK, "--http", "18080"),
            "minikubelet/mock",
            id="the mock server itself",
        ),
        pytest.param("luksa/kubia", (), (MOCK, "kubia"), "luksa/kubia", id="kubia"),
        pytest.param(
            "luksa/kubia-unhealthy",
            (),
            (MOCK, "kubia-unhealthy"),
            "luksa/kubia-unhealthy",
            id="kubia-unhealthy",
        ),
        pytest.param("luksa/batch-job", (), (MOCK, "batch-job"), "luksa/batch-job", id="batch-job"),
        pytest.param(
            "luksa/ssd-monitor", (), (MOCK, "ssd-monitor"), "luksa/ssd-monitor", id="ssd-monitor"
        ),
        pytest.param("gasbugs/http-go", (), (MOCK, "http-go"), "gasbugs/http-go", id="http-go"),
        pytest.param(
            "arisu1000/simple-container-app:latest",
            (),
            (MOCK, "simple-container-app"),
            "arisu1000/simple-container-app",
            id="simple-container-app",
        ),
    ],
)
def test_built_in_images(
    image: str, args: tuple[str, ...], argv: tuple[str, ...], pattern: str
) -> None:
    source = f"built-in catalog ({pattern})"
    assert resolve(image, args=args) == ResolvedCommand(argv, {}, "", source)


def test_a_program_that_the_host_has_plays_itself(tmp_path: Path) -> None:
    catalog = a_catalog(path=programs(tmp_path, "nginx", "bash"))
    assert resolve("nginx", catalog=catalog) == ResolvedCommand(
        ("nginx", "-g", "daemon off;"), {}, "", "built-in catalog (nginx)"
    )
    assert resolve("ubuntu", catalog=catalog).argv == ("bash",)


def test_a_program_of_the_image_is_played_also_for_the_manifests_command() -> None:
    command = resolve("registry.k8s.io/e2e-test-images/agnhost:2.40", ["/agnhost"], ["netexec"])
    assert command == ResolvedCommand((MOCK, "agnhost", "netexec"), {}, "", "manifest")


def test_images_file() -> None:
    text = """\
team/api:
  entrypoint: [./bin/api, --config, api.toml]
  cmd: [--port, 8080]
  env: {DEBUG: yes, LEVEL: 3}
  workingDir: work
team/*:
  mock: [--http, 8080]
registry.example.com/job:v1:
  cmd: [sh, -c, "echo hello"]
"""
    assert parse_images(text, FILE) == (
        CatalogEntry(
            ImagePattern("team/api"),
            ImageConfig(
                ("/etc/minikubelet/bin/api", "--config", "api.toml"),
                ("--port", "8080"),
                {"DEBUG": "yes", "LEVEL": "3"},
                "/etc/minikubelet/work",
            ),
            str(FILE),
        ),
        CatalogEntry(ImagePattern("team/*"), ImageConfig((MOCK,), ("--http", "8080")), str(FILE)),
        CatalogEntry(
            ImagePattern("registry.example.com/job:v1"),
            ImageConfig(cmd=("sh", "-c", "echo hello")),
            str(FILE),
        ),
    )


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param(
            "api:\n  entrypont: [x]\n  cmd: [y]\n",
            ['2: unknown field "entrypont": did you mean entrypoint?'],
            id="a misspelled field",
        ),
        pytest.param(
            "api:\n  cmd: [y]\n  ports: [1]\n",
            ['3: unknown field "ports": known are entrypoint, cmd, env, workingDir, mock'],
            id="an unknown field",
        ),
        pytest.param(
            "api:\n  cmd: sleep 1\n",
            ['2: cmd must be a list, such as ["sh", "-c", "echo hello"]'],
            id="a command line instead of a list",
        ),
        pytest.param(
            "api: {cmd: [x]}\napi: {cmd: [y]}\n", ['2: "api" is given twice'], id="an image twice"
        ),
        pytest.param(
            "Team/Api:latest: {cmd: [x]}\n",
            ['1: "Team/Api:latest" is not an image name'],
            id="no image name",
        ),
        pytest.param(
            "api: {env: {A: 1}}\n",
            ['1: image "api" needs entrypoint, cmd or mock'],
            id="nothing to run",
        ),
        pytest.param(
            "api: {mock: [], cmd: [x]}\n",
            ["1: mock stands in place of entrypoint and cmd"],
            id="a mock and a command",
        ),
        pytest.param("api: sh\n", ['1: image "api" must be a mapping'], id="a text as image"),
        pytest.param("- api\n", ["1: the file must be a mapping"], id="a list as file"),
        pytest.param(
            "a: {cmd: [x, [y]]}\nb: {cmd: [x], env: {A: []}}\n",
            ["1: an item of cmd must be a text", "2: variable A must be a text"],
            id="two problems",
        ),
        pytest.param(
            "api:\n  cmd: [x\n", ["3: expected ',' or ']', but got '<stream end>'"], id="no YAML"
        ),
    ],
)
def test_images_file_that_is_refused(text: str, problems: list[str]) -> None:
    with pytest.raises(ImagesFileError) as raised:
        parse_images(text, FILE)
    assert raised.value.problems == tuple(f"{FILE}:{problem}" for problem in problems)


def test_an_images_file_over_the_built_in_catalog(tmp_path: Path) -> None:
    file = tmp_path / "images.yaml"
    file.write_text("nginx: {cmd: [./nginx]}\n")
    catalog = load_catalog(file, NO_PROGRAMS)
    assert resolve("nginx", catalog=catalog).argv == (str(tmp_path / "nginx"),)
    assert resolve("luksa/kubia", catalog=catalog).argv == (MOCK, "kubia")
    file.write_text("")
    assert load_catalog(file, NO_PROGRAMS).entries() == load_catalog(None).entries()
