"""Names of images and the patterns that match them."""

from __future__ import annotations

import pytest

from minikubelet.runtime.image_reference import (
    ImageNameError,
    ImagePattern,
    ImageReference,
    parse_image,
)

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        pytest.param(
            "nginx",
            ImageReference("docker.io", "library/nginx", "latest"),
            id="a bare name is an official image of Docker Hub",
        ),
        pytest.param(
            "library/nginx:1.27",
            ImageReference("docker.io", "library/nginx", "1.27"),
            id="a tag",
        ),
        pytest.param(
            "index.docker.io/luksa/kubia",
            ImageReference("docker.io", "luksa/kubia", "latest"),
            id="the other name of Docker Hub",
        ),
        pytest.param(
            "localhost:5000/team/api:v1",
            ImageReference("localhost:5000", "team/api", "v1"),
            id="the port of a registry is no tag",
        ),
        pytest.param(
            "localhost/api",
            ImageReference("localhost", "api", "latest"),
            id="localhost is a registry",
        ),
        pytest.param(
            "k8s.gcr.io/goproxy:0.1",
            ImageReference("registry.k8s.io", "goproxy", "0.1"),
            id="the frozen registry of Kubernetes is its successor",
        ),
        pytest.param(
            f"api@{DIGEST}",
            ImageReference("docker.io", "library/api", "", DIGEST),
            id="a digest needs no tag",
        ),
        pytest.param(
            f"ghcr.io/team/api:v1@{DIGEST}",
            ImageReference("ghcr.io", "team/api", "v1", DIGEST),
            id="all of it",
        ),
    ],
)
def test_parse(text: str, reference: ImageReference) -> None:
    assert parse_image(text) == reference


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("nginx:", "", id="an empty tag"),
        pytest.param("my image", "", id="a blank"),
        pytest.param("https://ghcr.io/api", "", id="a URL"),
        pytest.param("team//api", "", id="an empty part"),
        pytest.param("api@sha256:12", "", id="a short digest"),
        pytest.param(
            "Nginx", ": repository name (library/Nginx) must be lowercase", id="upper case"
        ),
    ],
)
def test_what_is_no_image_name(text: str, detail: str) -> None:  # section 8, InvalidImageName
    with pytest.raises(ImageNameError) as raised:
        parse_image(text)
    assert str(raised.value) == (
        f'Failed to apply default image tag "{text}": couldn\'t parse image name "{text}":'
        f" invalid reference format{detail}"
    )


@pytest.mark.parametrize(
    ("pattern", "image", "matches"),
    [
        pytest.param("nginx", "nginx:1.27", True, id="a name matches any tag"),
        pytest.param("nginx", f"nginx@{DIGEST}", True, id="and any digest"),
        pytest.param("docker.io/library/nginx", "nginx", True, id="however it is spelled"),
        pytest.param("nginx", "ghcr.io/nginx", False, id="not in another registry"),
        pytest.param("nginx", "team/nginx", False, id="nor in another namespace"),
        pytest.param("nginx:1.27", "nginx:1.27", True, id="a tag matches itself"),
        pytest.param("nginx:1.27", "nginx:1.28", False, id="and no other"),
        pytest.param("nginx:latest", "nginx", True, id="no tag is latest"),
        pytest.param(f"api@{DIGEST}", f"api:v1@{DIGEST}", True, id="a digest, whatever the tag"),
        pytest.param(f"api@{DIGEST}", "api:v1", False, id="a digest and no digest"),
        pytest.param("team/*", "team/web/api:v1", True, id="a star spans slashes"),
        pytest.param("team/*", "docker.io/team/api", True, id="in the short spelling"),
        pytest.param("docker.io/*", "nginx", True, id="and in the long one"),
        pytest.param("k8s.gcr.io/*", "registry.k8s.io/pause", True, id="by the old registry"),
        pytest.param("*/api:debug", "localhost:5000/team/api:debug", True, id="a star and a tag"),
        pytest.param("*/api:debug", "localhost:5000/team/api", False, id="but not another tag"),
        pytest.param("nginx:1.*", "nginx:1.14.2", True, id="a star in the tag"),
        pytest.param("nginx:1.*", "nginx", False, id="which is not latest"),
        pytest.param("te?m/*", "team/api", False, id="a question mark is nothing special"),
        pytest.param("*", f"anything@{DIGEST}", True, id="a star alone"),
    ],
)
def test_pattern(pattern: str, image: str, matches: bool) -> None:
    assert ImagePattern(pattern).matches(parse_image(image)) is matches


def test_the_most_exact_pattern_first() -> None:
    patterns = ["*", "team/*", "team/api", "team/api:v1", "team/*:v1", f"team/api@{DIGEST}"]
    ordered = sorted(map(ImagePattern, patterns), key=lambda p: p.specificity, reverse=True)
    assert [pattern.text for pattern in ordered] == [
        f"team/api@{DIGEST}",
        "team/api:v1",
        "team/api",
        "team/*:v1",
        "team/*",
        "*",
    ]
