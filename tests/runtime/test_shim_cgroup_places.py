"""Where groups are, and where ours may be: the decisions, on other machines' trees."""

from __future__ import annotations

import os

import pytest

from minikubelet.runtime.shim import cgroup, linux
from minikubelet.runtime.shim.cgroup import System
from minikubelet.runtime.shim.cgroup_files import Places, find_places
from tests.fakes.cgroup_tree import FakeCgroupTree, Group

ROOT = "/sys/fs/cgroup"
LEAF = f"web.{os.getpid()}.{linux.start_time(os.getpid())}"
MEMORY = {"memory.max": "67108864", "memory.swap.max": "0", "memory.oom.group": "1"}


@pytest.mark.parametrize(
    ("mountinfo", "membership", "places"),
    [
        pytest.param(
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate",
            "0::/system.slice/minikubelet.service",
            Places(f"{ROOT}/system.slice/minikubelet.service", ROOT),
            id="v2 alone",
        ),
        pytest.param(
            "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
            "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
            "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
            "37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
            "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
            "9:name=systemd:/user\n4:memory:/user/me\n1:cpu,cpuacct:/\n0::/user",
            Places(
                f"{ROOT}/unified/user",
                f"{ROOT}/unified",
                {
                    "cpu": f"{ROOT}/cpu,cpuacct",
                    "cpuacct": f"{ROOT}/cpu,cpuacct",
                    "memory": f"{ROOT}/memory/user/me",
                    "name=systemd": f"{ROOT}/systemd/user",
                },
            ),
            id="v1 with an empty v2 beside it",
        ),
        pytest.param(
            "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
            "4:memory:/docker/abc/inner",
            Places(legacy={"memory": f"{ROOT}/memory/inner"}),
            id="in a container that sees its own part only",
        ),
        pytest.param(
            "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
            "4:memory:/docker/abcdef",
            Places(legacy={"memory": f"{ROOT}/memory"}),
            id="a group outside of what is mounted",
        ),
        pytest.param("22 1 8:1 / / rw - ext4 /dev/sda1 rw", "", Places(), id="no groups at all"),
    ],
)
def test_places(mountinfo: str, membership: str, places: Places) -> None:
    found = find_places(mountinfo, membership)
    assert (found.unified, found.unified_root) == (places.unified, places.unified_root)
    assert found.legacy == places.legacy


def a_service(*pids: str, delegated: bool = True) -> tuple[FakeCgroupTree, str]:
    """A systemd service: the group that our processes are in."""
    tree = FakeCgroupTree(ROOT)
    own = f"{ROOT}/system.slice/minikubelet.service"
    tree.groups[ROOT].enabled = {"cpu", "memory", "pids"}
    tree.groups[os.path.dirname(own)] = Group(enabled={"cpu", "memory", "pids"})
    tree.groups[own] = Group(pids=list(pids), delegated=delegated)
    return tree, own


def created(
    tree: FakeCgroupTree, own: str, memory: int | None, cpu: int | None
) -> tuple[dict[str, Group], bool] | None:
    """The groups that came with it, by path below the root; whether the processor is limited."""
    before = set(tree.groups)
    group = cgroup.create("web", memory, cpu, System(tree, Places(own, ROOT)))
    if group is None:
        assert set(tree.groups) == before
        return None
    new = {p.removeprefix(f"{ROOT}/"): g for p, g in tree.groups.items() if p not in before}
    return new, group.cpu_limited


def test_delegated_service() -> None:
    tree, own = a_service("10", "11")
    unit = "system.slice/minikubelet.service"
    assert created(tree, own, 64 * 2**20, 250) == (
        {
            f"{unit}/supervisor": Group(pids=["10", "11"]),
            f"{unit}/minikubelet": Group(enabled={"cpu", "memory"}),
            f"{unit}/minikubelet/{LEAF}": Group(files={**MEMORY, "cpu.max": "25000 100000"}),
        },
        True,
    )
    assert tree.groups[own] == Group(enabled={"cpu", "memory"}, delegated=True)


def test_second_container_of_a_delegated_service() -> None:
    tree, own = a_service("10")
    assert created(tree, own, 64 * 2**20, None) is not None
    del tree.groups[f"{own}/minikubelet/{LEAF}"]
    # Its maker runs in the subgroup by now.
    assert created(tree, f"{own}/supervisor", None, 5) == (
        {
            f"system.slice/minikubelet.service/minikubelet/{LEAF}": Group(
                files={"cpu.max": "1000 100000"}
            )
        },
        True,
    )


def test_service_that_is_not_delegated() -> None:
    tree, own = a_service("10", delegated=False)
    assert created(tree, own, 64 * 2**20, None) == (
        {
            "system.slice/minikubelet": Group(enabled={"memory"}),
            f"system.slice/minikubelet/{LEAF}": Group(files=MEMORY),
        },
        False,
    )
    assert tree.groups[own] == Group(pids=["10"])


def test_root_group() -> None:
    tree = FakeCgroupTree(ROOT)
    tree.groups[ROOT] = Group(enabled={"memory"}, pids=["1"])
    assert created(tree, ROOT, 64 * 2**20, 1000) == (
        {
            "minikubelet": Group(enabled={"memory"}),
            f"minikubelet/{LEAF}": Group(files=MEMORY),
        },
        False,
    )


def test_without_limits_our_own_group_will_do() -> None:
    tree, own = a_service("10", delegated=False)
    unit = "system.slice/minikubelet.service"
    new = {f"{unit}/minikubelet": Group(), f"{unit}/minikubelet/{LEAF}": Group()}
    assert created(tree, own, None, None) == (new, False)


def test_delegated_group_without_the_controller_ends_the_search() -> None:
    tree, own = a_service("10")
    tree.groups[os.path.dirname(own)].enabled = {"pids"}
    assert cgroup.create("web", 1, None, System(tree, Places(own, ROOT))) is None
    assert f"{ROOT}/system.slice/minikubelet" not in tree.groups


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"writable": False}, id="groups of somebody else"),
        pytest.param({"enabled": set()}, id="controllers that are not enabled"),
    ],
)
def test_no_group(change: dict[str, object]) -> None:
    tree, own = a_service("10", delegated=False)
    for group in tree.groups.values():
        for name, value in change.items():
            setattr(group, name, value)
    assert created(tree, own, 64 * 2**20, None) is None


def test_no_hierarchy() -> None:
    assert cgroup.create("web", 1, None, System(FakeCgroupTree(ROOT), Places())) is None


def test_sweep() -> None:
    tree, own = a_service("10")
    parent = f"{own}/minikubelet"
    me = f"{os.getpid()}.{linux.start_time(os.getpid())}"
    tree.groups[parent] = Group()
    for name, pids in {
        f"living.{me}": [],
        "empty.999999999.1": [],
        f"reused-pid.{os.getpid()}.1": [],
        "in-use.999999999.2": ["77"],
        "nested.999999999.3": [],
        "nested.999999999.3/inner": [],
    }.items():
        tree.groups[f"{parent}/{name}"] = Group(pids=list(pids))
    cgroup.sweep(System(tree, Places(own, ROOT)))
    assert [os.path.basename(path) for path in tree.children(parent)] == [
        f"living.{me}",
        "in-use.999999999.2",
    ]


def test_sweep_takes_an_empty_parent_along() -> None:
    tree, own = a_service("10")
    tree.groups[f"{own}/minikubelet"] = Group()
    tree.groups[f"{own}/minikubelet/empty.999999999.1"] = Group()
    cgroup.sweep(System(tree, Places(own, ROOT)))
    assert not tree.exists(f"{own}/minikubelet")
