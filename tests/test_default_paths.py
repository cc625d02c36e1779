"""Where the daemon keeps its things by default (design, section 4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikubelet.default_paths import DefaultPaths, default_paths, kubeconfig_path

HOME = Path("/home/ada")


@pytest.mark.parametrize(
    ("environ", "paths"),
    [
        pytest.param(
            {},
            DefaultPaths(
                HOME / ".config/minikubelet",
                HOME / ".local/state/minikubelet",
                HOME / ".local/state/minikubelet/log/pods",
                HOME / ".local/state/minikubelet/run",
            ),
            id="a user without a session keeps all below the home directory",
        ),
        pytest.param(
            {
                "XDG_CONFIG_HOME": "/c",
                "XDG_STATE_HOME": "/s",
                "XDG_RUNTIME_DIR": "/run/user/7",
            },
            DefaultPaths(
                Path("/c/minikubelet"),
                Path("/s/minikubelet"),
                Path("/s/minikubelet/log/pods"),
                Path("/run/user/7/minikubelet"),
            ),
            id="the XDG variables move it",
        ),
        pytest.param(
            {"XDG_CONFIG_HOME": "relative"},
            default_paths({"HOME": str(HOME)}, root=False),
            id="a relative XDG variable is ignored",
        ),
    ],
)
def test_a_user(environ: dict[str, str], paths: DefaultPaths) -> None:
    assert default_paths({"HOME": str(HOME), **environ}, root=False) == paths


def test_root_has_the_directories_of_the_system() -> None:
    paths = default_paths({"XDG_STATE_HOME": "/s"}, root=True)
    assert paths.state_dir == Path("/var/lib/minikubelet")
    assert paths.manifest_dir == Path("/etc/minikubelet/manifests")
    assert kubeconfig_path(paths.state_dir) == Path("/var/lib/minikubelet/kubeconfig")


def test_a_user_that_the_system_does_not_know_has_the_root_as_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)
    assert default_paths({}, root=False).config_dir == Path("/.config/minikubelet")
