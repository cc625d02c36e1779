"""Keys, certificates and the token: made once, kept, mended."""

from __future__ import annotations

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from minikubelet.apiserver.issuing_apart import issue_apart
from minikubelet.apiserver.kubeconfig import server_url
from minikubelet.apiserver.pki import prepare_pki, server_context, server_hosts

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def _contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def _changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    names = (name for name in after if name != "checked.json" and after[name] != before[name])
    return {name.partition(".")[0] for name in names}


def _modes(directory: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


def test_everything_is_private_and_kept_over_a_restart(tmp_path: Path) -> None:
    pki = prepare_pki(tmp_path / "a" / "pki", NOW)
    first = _contents(pki.directory)
    assert set(first) == {
        "ca.crt", "ca.key", "server.crt", "server.key", "client.crt", "client.key", "token",
        "checked.json",
    }  # fmt: skip
    assert _modes(pki.directory) == {0o600}
    assert stat.S_IMODE(pki.directory.stat().st_mode) == 0o700
    assert prepare_pki(pki.directory, NOW + timedelta(days=300)) == pki
    assert _contents(pki.directory) == first
    server_context(pki)


def test_readable_files_are_made_private_again(tmp_path: Path) -> None:
    pki = prepare_pki(tmp_path / "pki", NOW)
    for path in (pki.directory, *pki.directory.iterdir()):
        path.chmod(0o755)
    prepare_pki(tmp_path / "pki", NOW)
    assert _modes(pki.directory) == {0o600}
    assert stat.S_IMODE(pki.directory.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("days", "hosts", "changed"),
    [
        pytest.param(800, [], {"server", "client"}, id="leaves end soon"),
        pytest.param(0, ["10.0.0.7", "node.lan"], {"server"}, id="new places to listen"),
        pytest.param(-2, [], {"ca", "server", "client"}, id="the clock was set back"),
        pytest.param(3640, [], {"ca", "server", "client"}, id="the authority ends soon"),
    ],
)
def test_renewal(tmp_path: Path, days: int, hosts: list[str], changed: set[str]) -> None:
    before = _contents(prepare_pki(tmp_path / "pki", NOW).directory)
    pki = prepare_pki(tmp_path / "pki", NOW + timedelta(days=days), hosts)
    after = _contents(pki.directory)
    assert _changed(before, after) == changed
    server_context(pki)
    certificate = x509.load_pem_x509_certificate(after["server.crt"])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = {str(name.value) for name in names}
    assert {"127.0.0.1", "::1", "localhost", *hosts} == found


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("ca.crt", {"ca", "server", "client"}),
        ("ca.key", {"ca", "server", "client"}),
        ("server.crt", {"server"}),
        ("server.key", {"server"}),
        ("client.key", {"client"}),
        ("token", {"token"}),
        ("checked.json", set()),
    ],
)
@pytest.mark.parametrize("damage", [b"", b"junk\n\xff", b"half"])
def test_damage_is_mended(
    tmp_path: Path, name: str, changed: set[str], damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    directory = prepare_pki(tmp_path / "pki", NOW).directory
    before = _contents(directory)
    path = directory / name
    path.write_bytes(before[name][: len(before[name]) // 2] if damage == b"half" else damage)
    pki = prepare_pki(directory, NOW)
    after = _contents(directory)
    assert _changed(before, after) == changed
    assert ("making a new one" in caplog.text) is bool(changed)
    server_context(pki)
    assert len(pki.token) == 64


def test_a_restart_needs_no_cryptography(tmp_path: Path) -> None:
    prepare_pki(tmp_path, NOW)
    program = f"""
import sys
from datetime import UTC, datetime
from pathlib import Path
from minikubelet.apiserver.pki import prepare_pki, server_context
server_context(prepare_pki(Path({str(tmp_path)!r}), datetime(2026, 6, 1, tzinfo=UTC)))
print("cryptography" in sys.modules)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20
    )
    assert (ran.stdout, ran.stderr) == ("False\n", "")


def test_another_process_issues_as_this_one_would(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = _contents(prepare_pki(tmp_path / "pki", NOW, issue=issue_apart).directory)
    (tmp_path / "pki" / "server.crt").write_bytes(b"junk")
    pki = prepare_pki(tmp_path / "pki", NOW, issue=issue_apart)
    assert _changed(before, _contents(pki.directory)) == {"server"}
    assert "making a new one name=server" in caplog.text
    server_context(pki)


def test_without_another_process_they_are_issued_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    server_context(prepare_pki(tmp_path / "pki", NOW, issue=issue_apart))


def test_a_key_of_another_pair_is_seen(tmp_path: Path) -> None:
    ours, other = prepare_pki(tmp_path / "a", NOW), prepare_pki(tmp_path / "b", NOW)
    ours.key_path("server").write_bytes(other.key_path("server").read_bytes())
    server_context(prepare_pki(tmp_path / "a", NOW))


def test_listening_everywhere_names_all_addresses() -> None:
    assert server_hosts(["10.0.0.7"]) == ("127.0.0.1", "::1", "localhost", "10.0.0.7")
    everywhere = server_hosts(["0.0.0.0"])
    assert everywhere[:3] == ("127.0.0.1", "::1", "localhost")
    assert "0.0.0.0" not in everywhere


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "https://127.0.0.1:7443"),
        ("0.0.0.0", "https://127.0.0.1:7443"),
        ("", "https://127.0.0.1:7443"),
        ("::", "https://[::1]:7443"),
        ("fe80::1", "https://[fe80::1]:7443"),
        ("node.lan", "https://node.lan:7443"),
    ],
)
def test_server_url(host: str, url: str) -> None:
    assert server_url(host, 7443) == url
