import ast
import logging
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.connection import SSLConnection as AsyncSSLConnection
from redis.connection import SSLConnection, parse_url
from requests.certs import where

from runtime.catalogue import API_PORT, CLUSTER_NAME, COLLECTOR_SCRAPE_INTERVAL_SECONDS
from runtime.logs import QUIET_SECONDS, RateLimitedLog
from runtime.readiness import Readiness
from runtime.redis_client import blocking_client
from runtime.settings import Environment, SettingError
from tests.drivers.valkey import Valkey

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("text", ["x", "0", "65536", "1.5", "-1"])
def test_setting_error_names_its_variable_when_the_value_is_bad(text: str) -> None:
    with pytest.raises(SettingError, match="API_PORT"):
        Environment({"API_PORT": text}).value(API_PORT)


@pytest.mark.parametrize("text", ["nan", "inf", "0.1", "x"])
def test_seconds_are_refused_when_out_of_range(text: str) -> None:
    setting = COLLECTOR_SCRAPE_INTERVAL_SECONDS
    with pytest.raises(SettingError, match=setting.name):
        Environment({setting.name: text}).value(setting)


def test_setting_is_its_default_when_the_variable_is_empty() -> None:
    environment = Environment({"API_PORT": " ", "CLUSTER_NAME": ""})
    assert environment.value(API_PORT) == 8000
    assert environment.value(CLUSTER_NAME, "lab") == "lab"
    assert environment.known == {"API_PORT", "CLUSTER_NAME"}


def test_redis_url_takes_the_services_own_credentials_when_given(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("p@ss/word\n")
    variables = {
        "REDIS_URL": "rediss://someone:else@[fd00::1]:6380/0?x=1",
        "API_REDIS_USERNAME": "api",
        "API_REDIS_PASSWORD_FILE": str(secret),
    }
    url = Environment(variables).redis_url("api")
    assert url == "rediss://api:p%40ss%2Fword@[fd00::1]:6380/0?x=1&ssl_min_version=771"
    assert Environment({"REDIS_URL": "redis://h"}).redis_url("api") == "redis://h"


@pytest.mark.parametrize(
    "url", ["http://u:secret@x", "redis://u:secret@", "secret:6379", "redis://u:secret@h:70000", "redis://secret[::1"]
)
def test_invalid_redis_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(SettingError, match="REDIS_URL") as caught:
        Environment({"REDIS_URL": url}).redis_url("api")
    assert "secret" not in str(caught.value)


def test_password_file_is_named_when_it_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="WS_REDIS_PASSWORD_FILE"):
        Environment({"WS_REDIS_PASSWORD_FILE": str(tmp_path / "none")}).redis_url("ws")


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """Certificates of CAs, under a name that a URL must quote."""
    path = tmp_path / "a CA & 100%41+é.pem"
    path.write_bytes(Path(where()).read_bytes())
    return path


@pytest.mark.parametrize("asked", ["", "&ssl_min_version=769", "&ssl_min_version=772"])
def test_both_clients_verify_certificate_and_name_when_redis_speaks_tls(ca_file: Path, asked: str) -> None:
    # given
    variables = {"REDIS_URL": f"rediss://h:6380/0?ssl_ca_certs=/another{asked}", "REDIS_CA_FILE": str(ca_file)}
    url = Environment(variables).redis_url("api")
    # when
    blocking: Any = blocking_client(url, connect_seconds=1, answer_seconds=1).connection_pool.make_connection()
    other: Any = AsyncRedis.from_url(url).connection_pool.make_connection()
    # then
    for connection, oldest in ((blocking, blocking.ssl_min_version), (other, other.min_version)):
        assert isinstance(connection, SSLConnection | AsyncSSLConnection)
        assert connection.ca_certs == str(ca_file)
        assert (connection.cert_reqs, connection.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert oldest == (ssl.TLSVersion.TLSv1_3 if asked.endswith("772") else ssl.TLSVersion.TLSv1_2)


def test_ca_file_is_found_from_elsewhere_when_its_path_is_relative(
    ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.chdir(ca_file.parent)
    variables = {"REDIS_URL": "rediss://h", "REDIS_CA_FILE": ca_file.name}
    # when
    url = Environment(variables).redis_url("local")
    monkeypatch.chdir("/")
    # then
    assert parse_url(url)["ssl_ca_certs"] == str(ca_file)
    # And what is handed on in both ways is the same again
    assert Environment({"REDIS_URL": url, "REDIS_CA_FILE": str(ca_file)}).redis_url("api") == url


@pytest.mark.parametrize("url", ["", "redis://h", "unix:///run/redis.sock"])
def test_ca_file_is_refused_when_redis_does_not_speak_tls(ca_file: Path, url: str) -> None:
    with pytest.raises(SettingError, match=r"REDIS_CA_FILE.* rediss://"):
        Environment({"REDIS_URL": url, "REDIS_CA_FILE": str(ca_file)}).redis_url("ws")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("", "a PEM file"),
        ("a key\n", "a PEM file"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a PEM file"),
    ],
)
def test_ca_file_is_named_when_it_is_invalid(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_text(content)
    # A long path is cut.
    with pytest.raises(SettingError, match=f"REDIS_CA_FILE='{str(path)[:60]}.* .*{said}"):
        Environment({"REDIS_URL": "rediss://h", "REDIS_CA_FILE": str(path)}).redis_url("collector")


def test_repeated_warning_is_suppressed_for_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    occasionally = RateLimitedLog(logging.getLogger("test"), lambda: now[0])
    for _ in range(5):
        occasionally.warning("garbage", "garbage on %s", "a channel")
    occasionally.warning("other", "something else")
    now[0] = QUIET_SECONDS
    occasionally.warning("garbage", "garbage on %s", "a channel")
    assert [record.getMessage() for record in caplog.records] == [
        "garbage on a channel",
        "something else",
        "garbage on a channel (4 more since the last such line)",
    ]


def test_readiness_needs_one_contact_and_no_drain() -> None:
    readiness = Readiness(lambda: 1_795_426_867.12)
    assert readiness.readyz()[0] == 503
    assert readiness.redis_up()
    assert readiness.readyz() == (200, "ready\nredis: up\n")
    assert readiness.redis_down()
    assert not readiness.redis_down()
    status, text = readiness.readyz()
    assert status == 200
    assert "redis: down since 2026-11-23T09:41:07.120Z" in text
    readiness.drain()
    assert readiness.readyz() == (404, "draining\n")


def test_readiness_reports_missing_functions_and_needs_a_first_working_one() -> None:
    # given Redis answered, and could not be used
    readiness = Readiness()
    readiness.note_functions_missing("Redis lacks them")
    assert readiness.readyz() == (503, "not ready: Redis lacks them\n")
    # when it can, for the first time and again
    readiness.redis_up()
    assert readiness.note_functions()
    assert not readiness.note_functions()
    assert readiness.readyz() == (200, "ready\nredis: up\n")
    # then a Redis that comes back without them is up, and the service stays in service
    readiness.redis_down()
    readiness.note_functions_missing("Redis lacks them")
    assert readiness.readyz() == (200, "ready\nredis: up\nfunctions: Redis lacks them\n")
    assert (readiness.redis_down_since, readiness.functions_missing) == (None, "Redis lacks them")


def test_blocking_client_sends_nothing_but_its_credentials_when_it_connects(valkey: Valkey, redis: Redis) -> None:
    redis.execute_command("ACL LOG RESET")
    redis.execute_command("ACL SETUSER reader reset on >secret ~* +get")
    client = blocking_client(valkey.url.replace("//", "//reader:secret@"), connect_seconds=20, answer_seconds=20)
    try:
        redis.config_resetstat()
        assert client.get("nothing") is None
        sent = {name.removeprefix("cmdstat_") for name in redis.info("commandstats")} - {"config|resetstat", "info"}
        assert sent == {"auth", "get"}
        assert redis.execute_command("ACL LOG") == []
    finally:
        client.close()
        redis.execute_command("ACL DELUSER reader")
        redis.execute_command("ACL LOG RESET")


def test_sigterm_ends_a_service_that_is_still_starting() -> None:
    starting = "import runtime.early_stop, signal; signal.raise_signal(signal.SIGTERM); print('goes on')"
    done = subprocess.run([sys.executable, "-c", starting], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("service", ["api", "collector", "ws"])
def test_service_can_be_stopped_before_it_imports_anything_else(service: str) -> None:
    module = ast.parse((ROOT / "services" / service / "__main__.py").read_text())
    first = next(node for node in module.body if isinstance(node, ast.Import | ast.ImportFrom))
    assert ast.unparse(first) == "import runtime.early_stop"
