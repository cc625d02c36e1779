"""Volumes on disk: set-up, checks, layout, updates, removal."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.pod import (
    ConfigMapVolume,
    EmptyDirVolume,
    HostPathVolume,
    KeyToPath,
    Pod,
    PodSecurityContext,
    PodSpec,
    SecretVolume,
    Volume,
)
from minikubelet.pod.node_info import NodeInfo
from minikubelet.runtime.empty_dir import (
    empty_dir_usage,
    exceeded_empty_dir,
    make_memory_dir,
    memory_dir,
)
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.volumes import (
    VolumeError,
    prepare_volumes,
    remove_volumes,
    update_volumes,
)
from tests.fakes.object_lookup import FakeObjectLookup
from tests.runtime.namespaces import needs_root

NODE = NodeInfo("here")
UID = "u-1"
GROUP = 4321


def a_pod(*volumes: Volume, fs_group: int | None = None) -> Pod:
    context = PodSecurityContext(fs_group=fs_group)
    return Pod(ObjectMeta(name="web", uid=UID), PodSpec(volumes=volumes, security_context=context))


def config(name: str = "settings") -> Volume:
    return Volume("config", config_map=ConfigMapVolume(name))


def scratch(**source: str) -> Volume:
    return Volume("scratch", empty_dir=EmptyDirVolume(**source))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def tree(path: Path) -> dict[str, str]:
    """Files and links below a directory, without the names that change from write to write."""
    return {
        entry.name: os.readlink(entry) if entry.is_symlink() else "directory"
        for entry in sorted(path.iterdir())
        if not entry.name.startswith("..2")
    }


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "state", tmp_path / "log", tmp_path / "run")
    layout.prepare()
    return layout


@pytest.fixture
def lookup() -> FakeObjectLookup:
    lookup = FakeObjectLookup()
    lookup.put_config_map("settings", {"color": "blue", "size": "7"})
    return lookup


@pytest.fixture
def tight_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


# L-140
def test_empty_dir_is_made_once(
    layout: Layout, lookup: FakeObjectLookup, tight_umask: None
) -> None:
    pod = a_pod(scratch(), Volume("unnamed-source"))
    prepare_volumes(pod, layout, NODE, lookup)
    volumes = layout.volumes_dir(UID)
    (volumes / "scratch" / "kept").write_text("")
    prepare_volumes(pod, layout, NODE, lookup)
    assert {path.name: mode(path) for path in volumes.iterdir()} == {
        "scratch": 0o777,
        "unnamed-source": 0o777,
    }
    assert mode(volumes) == 0o700
    assert os.listdir(volumes / "scratch") == ["kept"]


# L-141
def test_empty_dir_in_memory(layout: Layout, lookup: FakeObjectLookup) -> None:
    pod = a_pod(scratch(medium="Memory"))
    prepare_volumes(pod, layout, NODE, lookup)
    volume = layout.volumes_dir(UID) / "scratch"
    (volume / "kept").write_text("")
    prepare_volumes(pod, layout, NODE, lookup)
    assert (volume.resolve(), mode(volume), os.listdir(volume)) == (
        memory_dir(layout) / UID / "scratch",
        0o777,
        ["kept"],
    )
    remove_volumes(pod, layout)
    assert not memory_dir(layout).exists()


@pytest.mark.parametrize("obstacle", ["missing", "a file", "open to others"])
def test_memory_that_cannot_be_had_is_a_plain_directory(tmp_path: Path, obstacle: str) -> None:
    memory = tmp_path / "shm"
    match obstacle:
        case "missing":
            memory = tmp_path / "none" / "shm"
        case "a file":
            memory.write_text("")
        case _:
            memory.mkdir()
            memory.chmod(0o777)
    make_memory_dir(tmp_path / "volume", memory, UID, None)
    assert (tmp_path / "volume").is_dir()
    assert not (tmp_path / "volume").is_symlink()


def test_memory_is_made_again_after_a_reboot(tmp_path: Path) -> None:
    (tmp_path / "volume").symlink_to(tmp_path / "shm" / UID / "volume")
    make_memory_dir(tmp_path / "volume", tmp_path / "shm", UID, None)
    assert (tmp_path / "volume").resolve() == tmp_path / "shm" / UID / "volume"
    assert (tmp_path / "volume").is_dir()


# L-142
@pytest.mark.parametrize(
    ("limit", "message"),
    [
        pytest.param("1Mi", None, id="within the limit"),
        pytest.param(
            "0.1Mi",
            'Usage of EmptyDir volume "scratch" exceeds the limit "104857600m". ',
            id="beyond it, the limit in its canonical form",
        ),
        pytest.param("0", None, id="a limit of 0 is none"),
    ],
)
def test_size_limit(
    layout: Layout, lookup: FakeObjectLookup, limit: str, message: str | None
) -> None:
    pod = a_pod(scratch(size_limit=limit), Volume("free", empty_dir=EmptyDirVolume()))
    prepare_volumes(pod, layout, NODE, lookup)
    volume = layout.volumes_dir(UID) / "scratch"
    (volume / "sub").mkdir()
    (volume / "sub" / "data").write_bytes(bytes(200_000))
    os.link(volume / "sub" / "data", volume / "again")
    (volume / "host").symlink_to("/usr")
    usage = empty_dir_usage(pod, layout)
    assert list(usage) == ["scratch"]
    assert 200_000 <= usage["scratch"] < 300_000
    assert exceeded_empty_dir(pod, layout) == message


# L-143
@pytest.mark.parametrize(
    ("kind", "found", "message"),
    [
        pytest.param("", "nothing", None, id="no type, no check"),
        pytest.param("Directory", "directory", None, id="a directory that is there"),
        pytest.param("Directory", "nothing", "a directory", id="a directory that is not"),
        pytest.param("DirectoryOrCreate", "file", "a directory", id="a file for a directory"),
        pytest.param("File", "file", None, id="a file that is there"),
        pytest.param("File", "directory", "a file", id="a directory for a file"),
        pytest.param("FileOrCreate", "directory", "a file", id="a file is not made over one"),
        pytest.param("Socket", "socket", None, id="a socket"),
        pytest.param("Socket", "file", "a socket file", id="a file for a socket"),
        pytest.param("CharDevice", "device", None, id="a character device"),
        pytest.param("CharDevice", "nothing", "a character device", id="no character device"),
        pytest.param("BlockDevice", "device", "a block device", id="no block device"),
    ],
)
def test_host_path_types(
    tmp_path: Path,
    layout: Layout,
    lookup: FakeObjectLookup,
    kind: str,
    found: str,
    message: str | None,
) -> None:
    path = Path("/dev/null") if found == "device" else tmp_path / "x"
    match found:
        case "directory":
            path.mkdir()
        case "file":
            path.write_text("")
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
    pod = a_pod(Volume("host", host_path=HostPathVolume(str(path), kind)))
    if message is None:
        prepare_volumes(pod, layout, NODE, lookup)
        return
    with pytest.raises(VolumeError) as raised:
        prepare_volumes(pod, layout, NODE, lookup)
    assert (raised.value.volume, str(raised.value)) == (
        "host",
        f"hostPath type check failed: {path} is not {message}",
    )


def test_host_path_that_is_made(tmp_path: Path, layout: Layout, lookup: FakeObjectLookup) -> None:
    made = tmp_path / "a" / "b"
    prepare_volumes(
        a_pod(
            Volume("dir", host_path=HostPathVolume(str(made), "DirectoryOrCreate")),
            Volume("file", host_path=HostPathVolume(str(made / "f"), "FileOrCreate")),
        ),
        layout,
        NODE,
        lookup,
    )
    assert (mode(made), mode(made / "f"), (made / "f").read_text()) == (0o755, 0o644, "")


def test_file_or_create_makes_no_parents(
    tmp_path: Path, layout: Layout, lookup: FakeObjectLookup
) -> None:
    path = tmp_path / "missing" / "f"
    pod = a_pod(Volume("host", host_path=HostPathVolume(str(path), "FileOrCreate")))
    with pytest.raises(VolumeError) as raised:
        prepare_volumes(pod, layout, NODE, lookup)
    assert str(raised.value) == f"{path}: no such file or directory"


# L-139
def test_the_other_volumes_are_set_up_all_the_same(
    layout: Layout, lookup: FakeObjectLookup
) -> None:
    pod = a_pod(
        config("none"),
        Volume("nfs", unsupported=("nfs",)),
        scratch(medium="HugePages"),
        Volume("last", empty_dir=EmptyDirVolume()),
    )
    with pytest.raises(VolumeError) as raised:
        prepare_volumes(pod, layout, NODE, lookup)
    assert (raised.value.volume, raised.value.message) == ("config", 'configmap "none" not found')
    assert os.listdir(layout.volumes_dir(UID)) == ["last"]


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        pytest.param(
            Volume("v", unsupported=("nfs",)),
            "volumes of type nfs are not supported",
            id="a kind that we do not have",
        ),
        pytest.param(
            scratch(medium="HugePages"), 'unknown storage medium "HugePages"', id="a medium"
        ),
        pytest.param(
            Volume("v", host_path=HostPathVolume("/", "Folder")),
            "Folder is an invalid volume type",
            id="a hostPath type",
        ),
    ],
)
def test_what_cannot_be_set_up(
    layout: Layout, lookup: FakeObjectLookup, volume: Volume, message: str
) -> None:
    with pytest.raises(VolumeError) as raised:
        prepare_volumes(a_pod(volume), layout, NODE, lookup)
    assert str(raised.value) == message


# L-146
def test_layout_of_files(layout: Layout, lookup: FakeObjectLookup, tight_umask: None) -> None:
    items = (KeyToPath("color", "deep/er/color", 0o600), KeyToPath("size", "size"))
    source = ConfigMapVolume("settings", items, default_mode=0o440)
    prepare_volumes(a_pod(Volume("config", config_map=source)), layout, NODE, lookup)
    volume = layout.volumes_dir(UID) / "config"
    generation = volume / os.readlink(volume / "..data")
    assert tree(volume) == {
        "..data": generation.name,
        "deep": "..data/deep",
        "size": "..data/size",
    }
    assert {
        str(path.relative_to(generation)): mode(path)
        for path in (generation, *generation.rglob("*"))
    } == {".": 0o755, "deep": 0o755, "deep/er": 0o755, "deep/er/color": 0o600, "size": 0o440}
    assert (volume / "deep" / "er" / "color").read_text() == "blue"
    assert mode(volume) == 0o777


def test_unchanged_content_is_not_written_again(layout: Layout, lookup: FakeObjectLookup) -> None:
    pod = a_pod(config())
    prepare_volumes(pod, layout, NODE, lookup)
    volume = layout.volumes_dir(UID) / "config"

    def state() -> dict[str, tuple[int, int]]:
        every = (volume, *volume.rglob("*"))
        return {str(p): (p.lstat().st_ino, p.lstat().st_ctime_ns) for p in every}

    before = state()
    update_volumes(pod, layout, NODE, lookup)
    assert state() == before


def test_update(layout: Layout, lookup: FakeObjectLookup) -> None:
    pod = a_pod(config(), Volume("gone", host_path=HostPathVolume("/none", "Directory")))
    with pytest.raises(VolumeError):
        prepare_volumes(pod, layout, NODE, lookup)
    volume = layout.volumes_dir(UID) / "config"
    first = os.readlink(volume / "..data")
    lookup.put_config_map("settings", {"size": "8", "new": "n"})
    update_volumes(pod, layout, NODE, lookup)
    second = os.readlink(volume / "..data")
    assert second != first
    assert tree(volume) == {"..data": second, "new": "..data/new", "size": "..data/size"}
    assert (volume / "size").read_text() == "8"
    assert not (volume / first).exists()


def test_a_mode_that_changes_is_an_update(layout: Layout, lookup: FakeObjectLookup) -> None:
    prepare_volumes(a_pod(config()), layout, NODE, lookup)
    private = Volume("config", config_map=ConfigMapVolume("settings", default_mode=0o600))
    update_volumes(a_pod(private), layout, NODE, lookup)
    assert mode(layout.volumes_dir(UID) / "config" / "size") == 0o600


def test_update_after_a_crash_in_the_middle(layout: Layout, lookup: FakeObjectLookup) -> None:
    pod = a_pod(config())
    prepare_volumes(pod, layout, NODE, lookup)
    volume = layout.volumes_dir(UID) / "config"
    half = volume / "..new.half"
    half.mkdir()
    (half / "color").write_text("half")
    (volume / "..data_tmp").symlink_to(half.name)
    (volume / "stale").symlink_to("..data/stale")
    (volume / "size").unlink()
    update_volumes(pod, layout, NODE, lookup)
    assert tree(volume) == {
        "..data": os.readlink(volume / "..data"),
        "color": "..data/color",
        "size": "..data/size",
    }


def test_a_lost_generation_is_written_again(layout: Layout, lookup: FakeObjectLookup) -> None:
    pod = a_pod(config())
    prepare_volumes(pod, layout, NODE, lookup)
    volume = layout.volumes_dir(UID) / "config"
    (volume / os.readlink(volume / "..data")).rename(volume / "..lost")
    update_volumes(pod, layout, NODE, lookup)
    assert (volume / "size").read_text() == "7"
    assert not (volume / "..lost").exists()


def test_a_reader_sees_all_files_of_one_generation(
    layout: Layout, lookup: FakeObjectLookup
) -> None:
    pod = a_pod(config())
    lookup.put_config_map("settings", {"a": "0", "b": "0"})
    prepare_volumes(pod, layout, NODE, lookup)
    volume = layout.volumes_dir(UID) / "config"
    mixed: list[tuple[str, str]] = []
    reads = 0
    done = threading.Event()

    def read() -> None:
        nonlocal reads
        while not done.is_set():
            # Between a look at the link and a look at what it names, the generation may go: a
            # reader begins again. The link itself is always there.
            if not (volume / "..data").is_symlink():
                mixed.append(("no", "..data"))
            try:
                generation = os.open(volume / "..data", os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                continue
            try:
                pair = tuple(_read(name, generation) for name in ("a", "b"))
            except FileNotFoundError:
                continue
            finally:
                os.close(generation)
            reads += 1
            if pair[0] != pair[1]:
                mixed.append((pair[0], pair[1]))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        lookup.put_config_map("settings", {"a": str(number), "b": str(number)})
        update_volumes(pod, layout, NODE, lookup)
    done.set()
    reader.join()
    assert mixed == []
    assert reads > 0


def _read(name: str, directory: int) -> str:
    fd = os.open(name, os.O_RDONLY, dir_fd=directory)
    try:
        return os.read(fd, 100).decode()
    finally:
        os.close(fd)


# L-144
def test_an_optional_object_may_come_later(layout: Layout, lookup: FakeObjectLookup) -> None:
    pod = a_pod(Volume("login", secret=SecretVolume("login", optional=True)))
    prepare_volumes(pod, layout, NODE, lookup)
    volume = layout.volumes_dir(UID) / "login"
    assert list(tree(volume)) == ["..data"]
    lookup.put_secret("login", {"user": b"me"})
    update_volumes(pod, layout, NODE, lookup)
    assert (volume / "user").read_bytes() == b"me"


# L-151
@pytest.mark.root
@needs_root
def test_fs_group(layout: Layout, lookup: FakeObjectLookup) -> None:
    private = Volume("config", config_map=ConfigMapVolume("settings", default_mode=0o600))
    pod = a_pod(private, scratch(), fs_group=GROUP)
    prepare_volumes(pod, layout, NODE, lookup)
    before = os.readlink(layout.volumes_dir(UID) / "config" / "..data")
    update_volumes(pod, layout, NODE, lookup)
    volumes = layout.volumes_dir(UID)
    found = {
        name: (path.stat().st_gid, stat.S_IMODE(path.stat().st_mode))
        for name, path in {
            "scratch": volumes / "scratch",
            "config": volumes / "config",
            "generation": volumes / "config" / before,
            "file": volumes / "config" / "size",
        }.items()
    }
    assert found == {
        "scratch": (GROUP, 0o2777),
        "config": (GROUP, 0o2777),
        "generation": (GROUP, 0o2755),
        "file": (GROUP, 0o640),
    }


# L-152
def test_removal(tmp_path: Path, layout: Layout, lookup: FakeObjectLookup) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "precious").write_text("")
    pod = a_pod(config(), scratch(), Volume("host", host_path=HostPathVolume(str(host))))
    prepare_volumes(pod, layout, NODE, lookup)
    (layout.volumes_dir(UID) / "scratch" / "host").symlink_to(host)
    remove_volumes(pod, layout)
    remove_volumes(pod, layout)
    assert not layout.volumes_dir(UID).exists()
    assert os.listdir(host) == ["precious"]
