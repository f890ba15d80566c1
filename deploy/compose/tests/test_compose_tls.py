"""The certificate and the key of the gateway, looked at before a start."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.compose.preflight import Facts, judge
from deploy.compose.project import Project
from deploy.compose.tls import TlsFiles
from deploy.compose.up import greet
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


def test_project_speaks_https_with_both_files_and_http_without() -> None:
    tls = TlsFiles(Path("/a/live.crt"), Path("/a/live.key"))
    with_tls = Project.parse(config(gateway=mounts(tls)), Path("/nowhere"))
    without = Project.parse(config(gateway=mounts(TlsFiles())), Path("/nowhere"))
    assert (with_tls.scheme, with_tls.tls) == ("https", tls)
    assert (without.scheme, without.tls) == ("http", TlsFiles())


def test_pair_that_belongs_together_is_in_nobodys_way(pair: TlsFiles) -> None:
    assert pair.error() == TlsFiles().error() == ""
    assert pair.unreadable() == TlsFiles().unreadable() == []


def test_one_without_the_other_is_named(pair: TlsFiles) -> None:
    assert TlsFiles(pair.certificate, None).error().endswith("TLS_KEY is not set.")
    assert TlsFiles(None, pair.key).error().endswith("TLS_CERTIFICATE is not set.")


def test_path_that_leads_to_no_file_is_named(pair: TlsFiles, tmp_path: Path) -> None:
    missing = TlsFiles(tmp_path / "none", pair.key).error()
    assert missing.startswith(f"TLS_CERTIFICATE={tmp_path}/none is not there")
    assert TlsFiles(pair.certificate, tmp_path).error().startswith(f"TLS_KEY={tmp_path} is no file")


def test_key_of_another_certificate_is_refused(pair: TlsFiles, tmp_path: Path) -> None:
    make_certificate(tmp_path, "IP:127.0.0.1")
    assert TlsFiles(pair.certificate, tmp_path / "server.key").error() == (
        "The key of TLS_KEY does not belong to the certificate of TLS_CERTIFICATE."
    )


@pytest.mark.parametrize("spoilt", ["certificate", "key", "encrypted"])
def test_what_is_no_pem_or_has_a_password_is_refused_without_a_question(
    pair: TlsFiles, tmp_path: Path, spoilt: str
) -> None:
    path = tmp_path / "spoilt"
    path.write_text("neither\n")
    if spoilt == "encrypted":
        command = ["openssl", "rsa", "-aes256", "-passout", "pass:x", "-in", str(pair.key), "-out", str(path)]
        subprocess.run(command, check=True, capture_output=True)
    found = TlsFiles(path, pair.key) if spoilt == "certificate" else TlsFiles(pair.certificate, path)
    assert "in PEM form, the key without a password" in found.error()


@pytest.mark.parametrize(
    ("is_owner", "mode", "may"),
    [(False, 0o644, True), (False, 0o640, False), (False, 0o600, False), (True, 0o400, True), (True, 0o044, False)],
)
def test_file_that_the_gateways_user_cannot_read_is_named(
    pair: TlsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_owner: bool, mode: int, may: bool
) -> None:
    # given
    monkeypatch.setattr("deploy.compose.tls.USER", os.geteuid() if is_owner else os.geteuid() + 10001)
    key = tmp_path / "live.key"
    key.touch()
    key.chmod(mode)
    # then
    assert TlsFiles(pair.certificate, key).unreadable() == ([] if may else [key])


def test_findings_refuse_what_cannot_work_and_note_what_may_not() -> None:
    [error] = judge(Facts(tls_error="TLS_KEY=/x is not there."))
    assert error.refuses
    [note] = judge(Facts(tls_unreadable=("/a/live.key",)))
    assert not note.refuses
    assert "user 10001" in note.text
    assert "/a/live.key" in note.text


def test_greeting_says_https(tmp_path: Path, capsys: pytest.CaptureFixture[str], pair: TlsFiles) -> None:
    greet(ScriptedDocker(tmp_path), Project.parse(config(gateway=mounts(pair)), tmp_path), Status(True, epoch=1), 3.21)
    assert "    https://localhost:8085\n" in capsys.readouterr().out
