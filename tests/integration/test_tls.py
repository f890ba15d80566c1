"""The gateway with a certificate: HTTPS only, and its errors about unusable files."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.drivers.accounts import PASSWORD, command, person_of
from tests.drivers.certificate import make_certificate
from tests.drivers.deployment import Deployment
from tests.drivers.process import ROOT
from tests.drivers.socket_client import SocketClient
from tests.drivers.waiting import eventually


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the gateway's files at its start."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificate(folder, "IP:127.0.0.1")
    return folder


@pytest.fixture(scope="module")
def tls(certificates: Path) -> Iterator[Deployment]:
    deployment = Deployment(
        replicas=1,
        ACCESS="closed",
        TLS_CERTIFICATE=str(certificates / "server.crt"),
        TLS_KEY=str(certificates / "server.key"),
    )
    deployment.origin = f"https://127.0.0.1:{deployment.port}"
    try:
        deployment.up()
        yield deployment
    finally:
        deployment.close()


def handshake(port: int, version: ssl.TLSVersion, *protocols: str) -> ssl.SSLSocket:
    """Do a TLS handshake with exactly this version, by a client that accepts all versions.

    Raises:
        ssl.SSLError: the server refuses the version.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    if protocols:
        context.set_alpn_protocols(list(protocols))
    context.minimum_version = context.maximum_version = version
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    try:
        return context.wrap_socket(connection)
    except BaseException:
        connection.close()
        raise


def serial_of(port: int) -> str:
    """Return the serial number of the served certificate."""
    with handshake(port, ssl.TLSVersion.TLSv1_3) as connection:
        certificate = connection.getpeercert(binary_form=True)
        assert certificate
        return certificate.hex()


def test_gateway_with_a_certificate_serves_only_https_and_pushes_over_it(
    tls: Deployment, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    authority = str(certificates / "ca.crt")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
    command(tls, "user", "add", "ada", input_text=PASSWORD + "\n")
    # then
    with closing(person_of(tls)) as person:
        page = person.get(f"{tls.origin}/login")
        assert page.status_code == 200
        assert "not encrypted" not in page.text
        answer = person.try_to_sign_in(tls.origin, "ada", PASSWORD)
        assert answer.status_code == 303
        assert "; Secure" in answer.headers["Set-Cookie"]
        with requests.Session() as session:
            session.verify = authority
            with closing(SocketClient(tls.origin, headers={"Cookie": person.cookie}, http_session=session)) as client:
                client.wait_for("redis_cluster_metrics")
    # and: only TLS, without old versions
    with pytest.raises(requests.ConnectionError):
        requests.get(tls.origin.replace("https:", "http:"), timeout=10)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with handshake(tls.port, version, "h2", "http/1.1") as connection:
            assert connection.selected_alpn_protocol() == "http/1.1"
    too_old = pytest.raises(ssl.SSLError, match=r"(?i)alert.protocol.version")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"), too_old:
        handshake(tls.port, ssl.TLSVersion.TLSv1_1)


def test_make_up_has_live_data_over_https(tls: Deployment) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "deploy.compose", "up"],
        cwd=ROOT, env=tls.environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"    https://localhost:{tls.port}\n" in done.stdout
    assert "1 of 1 node answers" in done.stdout


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ("unreadable", "TLS_KEY cannot be read by user 10001"),
        ("other", "TLS_KEY does not belong to TLS_CERTIFICATE"),
        ("neither", "TLS_KEY is not a key in PEM format"),
        ("none", "TLS_CERTIFICATE is set without TLS_KEY"),
    ],
)
def test_gateway_names_the_problem_of_its_key(
    tls: Deployment, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, damaged: str, message: str
) -> None:
    # given
    make_certificate(tmp_path, "IP:127.0.0.1")
    key = tmp_path / "server.key"
    if damaged == "unreadable":
        key.chmod(0o600)
    elif damaged == "other":
        folder = tmp_path_factory.mktemp("other")
        make_certificate(folder, "IP:127.0.0.1")
        key.write_bytes((folder / "server.key").read_bytes())
    elif damaged == "neither":
        key.write_text("no key\n")
    # when: another gateway starts with these files
    answer = tls.compose(
        *("run", "--rm", "-T", "--no-deps", "gateway"),
        check=False,
        TLS_CERTIFICATE=str(tmp_path / "server.crt"),
        TLS_KEY=str(key) if damaged != "none" else "",
    )
    # then
    assert f"gateway: {message}" in answer


def copy_files(folder: Path, certificates: Path) -> None:
    """Copy the files of ``folder`` over the gateway's, as a renewal does."""
    for name in ("ca.crt", "server.crt", "server.key"):
        (folder / name).replace(certificates / name)


def test_renewed_certificate_is_served_and_no_request_fails(
    tls: Deployment, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # given
    renewed = tmp_path_factory.mktemp("renewed")
    make_certificate(renewed, "IP:127.0.0.1")
    both = renewed / "both.crt"
    both.write_text((certificates / "ca.crt").read_text() + (renewed / "ca.crt").read_text())
    first = serial_of(tls.port)
    container = tls.container("gateway").id
    # when
    copy_files(renewed, certificates)
    with tls.requesting("/login", verify=str(both)) as codes:
        tls.command("restart", "gateway")
        eventually(lambda: serial_of(tls.port) != first, within_seconds=30, what="the new certificate")
    # then
    assert len(codes) > 10
    assert set(codes) == {200}
    assert tls.container("gateway").id == container


def test_files_that_do_not_match_change_nothing(
    tls: Deployment, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # given
    other = tmp_path_factory.mktemp("other")
    make_certificate(other, "IP:127.0.0.1")
    first = serial_of(tls.port)
    pair = (certificates / "server.crt").read_text() + (other / "server.key").read_text()
    # when: as restart does, which checks the files before
    output = tls.compose("exec", "-T", "gateway", "take-certificate", input_text=pair, check=False)
    # then
    assert "ERROR gateway: the new certificate is not valid, so the previous one stays in use" in output
    assert serial_of(tls.port) == first
    # and
    container = tls.container("gateway")
    assert container.attrs["RestartCount"] == 0


def test_mounted_certificate_that_changes_in_place_is_served(
    tls: Deployment, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # given: as on Kubernetes, where the files of a Secret change
    renewed = tmp_path_factory.mktemp("renewed")
    make_certificate(renewed, "IP:127.0.0.1")
    tls.up()
    tls.compose("restart", "gateway")
    first = eventually(lambda: serial_of(tls.port), within_seconds=30, what="the gateway is back")
    # when
    for name in ("ca.crt", "server.crt", "server.key"):
        (certificates / name).write_text((renewed / name).read_text())
    # then
    eventually(lambda: serial_of(tls.port) != first, within_seconds=60, what="the new certificate")


def test_expired_certificate_is_served_with_a_warning(
    tls: Deployment, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # given
    renewed, expired = tmp_path_factory.mktemp("renewed"), tmp_path_factory.mktemp("expired")
    for folder in (renewed, expired):
        make_certificate(folder, "IP:127.0.0.1")
    subprocess.run(
        ["openssl", "x509", "-req", "-in", "server.csr", "-out", "server.crt", "-days", "-1", "-CA", "ca.crt",
         "-CAkey", "ca.key", "-CAcreateserial"],
        cwd=expired, check=True, capture_output=True,
    )  # fmt: skip
    first = serial_of(tls.port)
    try:
        # when
        copy_files(expired, certificates)
        tls.compose("restart", "gateway")
        # then
        second = eventually(lambda: serial_of(tls.port), within_seconds=30, what="the gateway is back")
        assert second != first
        assert "WARNING gateway: the certificate has expired" in tls.compose("logs", "gateway")
    finally:
        copy_files(renewed, certificates)
        tls.command("restart", "gateway")


def test_responses_require_https_from_browsers_when_hsts_is_set(tls: Deployment, certificates: Path) -> None:
    def hsts_header(path: str) -> str | None:
        answer = requests.get(tls.origin + path, verify=str(certificates / "ca.crt"), timeout=30)
        return answer.headers.get("Strict-Transport-Security")

    # given
    assert hsts_header("/login") is None
    # when
    tls.set("TLS_HSTS_SECONDS", "31536000")
    tls.up()
    # then: also in the gateway's own responses
    assert [hsts_header(path) for path in ("/login", "/metrics")] == ["max-age=31536000"] * 2
