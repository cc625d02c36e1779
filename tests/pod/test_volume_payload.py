"""What volumes that show objects hold."""

from __future__ import annotations

import pytest

from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.pod import (
    ConfigMapVolume,
    Container,
    DownwardAPIFile,
    DownwardAPIVolume,
    EmptyDirVolume,
    KeyToPath,
    ObjectFieldSelector,
    Pod,
    PodSpec,
    ProjectedVolume,
    ResourceFieldSelector,
    ResourceRequirements,
    SecretVolume,
    ServiceAccountToken,
    Volume,
    VolumeProjection,
)
from minikubelet.pod.node_info import NodeInfo
from minikubelet.pod.volume_payload import (
    PayloadError,
    VolumeFile,
    compute_payload,
    has_payload,
)
from tests.fakes.object_lookup import FakeObjectLookup

POD = Pod(
    ObjectMeta(name="web", uid="u-1", labels={"app": "web"}),
    PodSpec(
        containers=(
            Container(name="app", resources=ResourceRequirements(limits={"memory": "64Mi"})),
        )
    ),
)
NAME = DownwardAPIFile("name", ObjectFieldSelector("metadata.name"))


@pytest.fixture
def lookup() -> FakeObjectLookup:
    lookup = FakeObjectLookup()
    lookup.put_config_map("settings", {"color": "blue", "size": "7"}, logo=b"\x89PNG")
    lookup.put_secret("login", {"user": b"me", "password": b"\xff\x00"})
    return lookup


def payload(volume: Volume, lookup: FakeObjectLookup) -> dict[str, VolumeFile]:
    return dict(compute_payload(POD, volume, NodeInfo("here"), lookup))


@pytest.mark.parametrize(
    ("volume", "files"),
    [
        # L-144
        pytest.param(
            Volume("v", config_map=ConfigMapVolume("settings")),
            {
                "color": VolumeFile(b"blue", 0o644),
                "size": VolumeFile(b"7", 0o644),
                "logo": VolumeFile(b"\x89PNG", 0o644),
            },
            id="a ConfigMap gives all keys, the binary ones too",
        ),
        pytest.param(
            Volume(
                "v",
                config_map=ConfigMapVolume(
                    "settings",
                    (KeyToPath("color", "a/b", 0o600), KeyToPath("size", "s")),
                    default_mode=0o400,
                ),
            ),
            {"a/b": VolumeFile(b"blue", 0o600), "s": VolumeFile(b"7", 0o400)},
            id="items choose keys, paths and modes",
        ),
        pytest.param(
            Volume("v", secret=SecretVolume("login", default_mode=0o440)),
            {"user": VolumeFile(b"me", 0o440), "password": VolumeFile(b"\xff\x00", 0o440)},
            id="a Secret gives its bytes",
        ),
        pytest.param(
            Volume("v", config_map=ConfigMapVolume("none", optional=True)),
            {},
            id="a missing optional ConfigMap is empty",
        ),
        pytest.param(
            Volume("v", secret=SecretVolume("none", optional=True)),
            {},
            id="a missing optional Secret is empty",
        ),
        pytest.param(
            Volume(
                "v",
                config_map=ConfigMapVolume(
                    "settings",
                    (KeyToPath("none", "n"), KeyToPath("size", "s")),
                    optional=True,
                ),
            ),
            {"s": VolumeFile(b"7", 0o644)},
            id="a missing key of an optional ConfigMap is left out",
        ),
        # L-145
        pytest.param(
            Volume(
                "v",
                downward_api=DownwardAPIVolume(
                    (
                        DownwardAPIFile("labels", ObjectFieldSelector("metadata.labels")),
                        DownwardAPIFile(
                            "limits/memory",
                            resource_field_ref=ResourceFieldSelector("limits.memory", "app", "1Mi"),
                            mode=0o600,
                        ),
                    )
                ),
            ),
            {
                "labels": VolumeFile(b'app="web"', 0o644),
                "limits/memory": VolumeFile(b"64", 0o600),
            },
            id="the downward API gives a file per item",
        ),
        pytest.param(
            Volume(
                "v",
                projected=ProjectedVolume(
                    (
                        VolumeProjection(
                            config_map=ConfigMapVolume("settings", (KeyToPath("color", "x"),))
                        ),
                        VolumeProjection(
                            secret=SecretVolume("login", (KeyToPath("user", "x", 0o400),))
                        ),
                        VolumeProjection(downward_api=DownwardAPIVolume((NAME,))),
                        VolumeProjection(service_account_token=ServiceAccountToken("token")),
                    ),
                    default_mode=0o444,
                ),
            ),
            {"x": VolumeFile(b"me", 0o400), "name": VolumeFile(b"web", 0o444)},
            id="of equal paths in a projected volume the later source wins",
        ),
    ],
)
def test_payload(volume: Volume, files: dict[str, VolumeFile], lookup: FakeObjectLookup) -> None:
    assert has_payload(volume)
    assert payload(volume, lookup) == files


# L-144, L-145
@pytest.mark.parametrize(
    ("volume", "message"),
    [
        pytest.param(
            Volume("v", config_map=ConfigMapVolume("none")),
            'configmap "none" not found',
            id="no such ConfigMap",
        ),
        pytest.param(
            Volume("v", secret=SecretVolume("none")),
            'secret "none" not found',
            id="no such Secret",
        ),
        pytest.param(
            Volume("v", config_map=ConfigMapVolume("settings", (KeyToPath("k", "p"),))),
            "configmap references non-existent config key: k",
            id="no such key in a ConfigMap",
        ),
        pytest.param(
            Volume("v", secret=SecretVolume("login", (KeyToPath("k", "p"),))),
            "references non-existent secret key: k",
            id="no such key in a Secret",
        ),
        pytest.param(
            Volume(
                "v",
                downward_api=DownwardAPIVolume(
                    (
                        DownwardAPIFile(
                            "x", resource_field_ref=ResourceFieldSelector("limits.cpu", "db")
                        ),
                    )
                ),
            ),
            "container db not found",
            id="no such container",
        ),
        pytest.param(
            Volume(
                "v",
                projected=ProjectedVolume(
                    (
                        VolumeProjection(config_map=ConfigMapVolume("none")),
                        VolumeProjection(secret=SecretVolume("none")),
                        VolumeProjection(secret=SecretVolume("none")),
                    )
                ),
            ),
            '[configmap "none" not found, secret "none" not found]',
            id="all problems of a projected volume, each once",
        ),
        pytest.param(
            Volume(
                "v",
                projected=ProjectedVolume((VolumeProjection(unsupported="podCertificate"),)),
            ),
            "podCertificate is not supported: there is no cluster",
            id="a source that needs a cluster",
        ),
    ],
)
def test_problems(volume: Volume, message: str, lookup: FakeObjectLookup) -> None:
    with pytest.raises(PayloadError) as raised:
        payload(volume, lookup)
    assert str(raised.value) == message


# L-146: a name that begins with two dots is the layout's own.
@pytest.mark.parametrize(
    ("key", "message"),
    [
        pytest.param("..x", "invalid path: must not start with '..': ..x", id="two dots in front"),
        pytest.param("a/../b", "invalid path: must not contain '..': a/../b", id="a step back"),
        pytest.param("/a", "invalid path: must be relative path: /a", id="absolute"),
        pytest.param(
            "n" * 256,
            "invalid path: filenames must be less than or equal to 255 characters",
            id="a long name",
        ),
        pytest.param(
            "n/" * 2049,
            "invalid path: must be less than or equal to 4096 characters",
            id="a long path",
        ),
    ],
)
def test_paths_that_cannot_be(key: str, message: str, lookup: FakeObjectLookup) -> None:
    lookup.put_config_map("bad", {key: "x"})
    with pytest.raises(PayloadError) as raised:
        payload(Volume("v", config_map=ConfigMapVolume("bad")), lookup)
    assert str(raised.value) == message


def test_objects_of_another_namespace_are_not_found() -> None:
    elsewhere = FakeObjectLookup("elsewhere")
    elsewhere.put_config_map("settings", {"color": "blue"})
    with pytest.raises(PayloadError, match="not found"):
        payload(Volume("v", config_map=ConfigMapVolume("settings")), elsewhere)


def test_an_empty_dir_shows_no_object() -> None:
    assert not has_payload(Volume("v", empty_dir=EmptyDirVolume()))
