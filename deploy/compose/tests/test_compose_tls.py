"""Checks of the gateway's certificate and key before a start."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.compose.preflight import MachineState, find_problems
from deploy.compose.project import Project
from deploy.compose.tls import TlsFiles
from deploy.compose.up import print_welcome
from deploy.host.status import Status
from tests.drivers.certificate import make_certificate
from tests.drivers.scripted_docker import ScriptedDocker, config


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder, "IP:127.0.0.1")
    return TlsFiles(folder / "server.crt", folder / "server.key")


def mounts(tls: TlsFiles) -> dict[str, object]:
    return {
        "volumes": [
            {"type": "bind", "source": str(tls.certificate or "/dev/null"), "target": "/tls/certificate.pem"},
            {"type": "bind", "source": str(tls.key or "/dev/null"), "target": "/tls/certificate.pem.key"},
        ]
    }


def test_project_has_https_with_certificate_and_key_and_http_without() -> None:
    tls = TlsFiles(Path("/a/live.crt"), Path("/a/live.key"))
    with_tls = Project.parse(config(gateway=mounts(tls)), Path("/nowhere"))
    without = Project.parse(config(gateway=mounts(TlsFiles())), Path("/nowhere"))
    assert (with_tls.scheme, with_tls.tls) == ("https", tls)
    assert (without.scheme, without.tls) == ("http", TlsFiles())


def test_matching_certificate_and_key_have_no_error(pair: TlsFiles) -> None:
    assert pair.error() == TlsFiles().error() == ""
    assert pair.unreadable() == TlsFiles().unreadable() == []


def test_error_names_the_missing_setting_of_the_two(pair: TlsFiles) -> None:
    assert TlsFiles(pair.certificate, None).error().endswith("TLS_KEY is not set.")
    assert TlsFiles(None, pair.key).error().endswith("TLS_CERTIFICATE is not set.")


def test_error_names_a_path_that_is_no_file(pair: TlsFiles, tmp_path: Path) -> None:
    missing = TlsFiles(tmp_path / "none", pair.key).error()
    assert missing.startswith(f"TLS_CERTIFICATE={tmp_path}/none does not exist")
    assert TlsFiles(pair.certificate, tmp_path).error().startswith(f"TLS_KEY={tmp_path} is no file")


def test_key_of_another_certificate_is_refused(pair: TlsFiles, tmp_path: Path) -> None:
    make_certificate(tmp_path, "IP:127.0.0.1")
    assert TlsFiles(pair.certificate, tmp_path / "server.key").error() == (
        "The key of TLS_KEY does not belong to the certificate of TLS_CERTIFICATE."
    )


@pytest.mark.parametrize("broken", ["certificate", "key", "encrypted"])
def test_file_without_pem_or_with_a_password_is_an_error_without_a_prompt(
    pair: TlsFiles, tmp_path: Path, broken: str
) -> None:
    path = tmp_path / "broken"
    path.write_text("neither\n")
    if broken == "encrypted":
        command = ["openssl", "rsa", "-aes256", "-passout", "pass:x", "-in", str(pair.key), "-out", str(path)]
        subprocess.run(command, check=True, capture_output=True)
    found = TlsFiles(path, pair.key) if broken == "certificate" else TlsFiles(pair.certificate, path)
    assert "in PEM format, the key without a password" in found.error()


@pytest.mark.parametrize(
    ("is_owner", "mode", "may"),
    [(False, 0o644, True), (False, 0o640, False), (False, 0o600, False), (True, 0o400, True), (True, 0o044, False)],
)
def test_unreadable_names_a_file_that_the_gateways_user_cannot_read(
    pair: TlsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_owner: bool, mode: int, may: bool
) -> None:
    # given
    monkeypatch.setattr("deploy.compose.tls.GATEWAY_UID", os.geteuid() if is_owner else os.geteuid() + 10001)
    key = tmp_path / "live.key"
    key.touch()
    key.chmod(mode)
    # then
    assert TlsFiles(pair.certificate, key).unreadable() == ([] if may else [key])


def test_tls_error_is_blocking_and_an_unreadable_file_is_a_note() -> None:
    [error] = find_problems(MachineState(tls_error="TLS_KEY=/x does not exist."))
    assert error.is_blocking
    [note] = find_problems(MachineState(tls_unreadable=("/a/live.key",)))
    assert not note.is_blocking
    assert "user 10001" in note.text
    assert "/a/live.key" in note.text


def test_welcome_has_https_urls(tmp_path: Path, capsys: pytest.CaptureFixture[str], pair: TlsFiles) -> None:
    print_welcome(
        ScriptedDocker(tmp_path), Project.parse(config(gateway=mounts(pair)), tmp_path), Status(True, epoch=1), 3.21
    )
    assert "    https://localhost:8085\n" in capsys.readouterr().out
