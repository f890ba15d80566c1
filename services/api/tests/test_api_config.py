"""The settings of the api service."""

from pathlib import Path

import pytest

from access.hosts import AllowedHosts
from access.proxies import TrustedProxies
from access.settings import AccessSettings
from access.web_origin import WebOrigin
from api.config import Config
from runtime.settings import Environment, SettingError


def test_config_has_a_default_for_everything_when_nothing_is_set() -> None:
    config = Config.from_environment({})
    assert config == Config(
        redis_url="redis://127.0.0.1:6379/0",
        cluster_name="cluster",
        log_level="INFO",
        host="127.0.0.1",
        port=8000,
        threads=8,
        access=AccessSettings(mode="open"),
        users=None,
        session_seconds=7 * 24 * 3600,
        idle_seconds=12 * 3600,
        requests_per_second=300,
        public_url=None,
        hosts=AllowedHosts(),
    )


def test_config_reads_every_known_variable(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    variables = {
        "REDIS_URL": "redis://redis:6380/1", "API_REDIS_USERNAME": "api", "CLUSTER_NAME": "lab", "LOG_LEVEL": "DEBUG",
        "API_HOST": "0.0.0.0", "API_PORT": "9000", "API_THREADS": "16", "PUBLIC_HOST": "0.0.0.0",
        "PUBLIC_URL": "https://cluster.example/live/", "ACCESS": "closed", "ACCESS_KEY_FILE": str(key),
        "ACCESS_TOKENS_DIR": "/tokens", "ACCESS_USERS_DIR": "/users", "ACCESS_USER_HEADER": "Remote-User",
        "TRUSTED_PROXIES": "10.0.0.0/8", "ACCESS_SESSION_SECONDS": "86400", "ACCESS_IDLE_SECONDS": "3600",
        "API_LIMIT_PUBLISHED_BYTES_PER_SECOND": "5000", "API_LIMIT_REQUESTS_PER_SECOND": "50",
        "API_SAVE_REVOCATIONS": "yes", "API_DRAIN_SECONDS": "3", "API_LOG_LEVEL": "WARNING", "LOG_FORMAT": "json",
        "API_REQUEST_LOG": "yes", "WS_ALLOWED_ORIGINS": "https://wall.example",
    }  # fmt: skip
    environment = Environment(variables)
    config = Config.read(environment)
    proxies = TrustedProxies.of(["10.0.0.0/8"])
    access = AccessSettings("closed", b"k" * 32, Path("/tokens"), "Remote-User", proxies, key)
    public = WebOrigin("https", "cluster.example", 443)
    assert config == Config(
        "redis://api:@redis:6380/1", "lab", "WARNING", "0.0.0.0", 9000, 16,
        access, Path("/users"), 86400.0, 3600.0, 50, 5000, True, public, AllowedHosts(None), 3.0, "json", True,
    )  # fmt: skip
    assert environment.known == variables.keys() | {"API_REDIS_PASSWORD_FILE", "REDIS_CA_FILE"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "0"), ("API_PORT", "x"), ("API_PORT", "70000"), ("REDIS_URL", "http://x"),
        ("API_THREADS", "0"), ("API_THREADS", "257"), ("API_DRAIN_SECONDS", "61"), ("LOG_LEVEL", "loud"),
        ("PUBLIC_URL", "cluster"), ("PUBLIC_URL", "ftp://cluster"), ("ACCESS", "ajar"),
        ("ACCESS_SESSION_SECONDS", "59"), ("ACCESS_IDLE_SECONDS", "29"),
        ("API_LIMIT_PUBLISHED_BYTES_PER_SECOND", "0"), ("API_LIMIT_REQUESTS_PER_SECOND", "0"),
    ],
)  # fmt: skip
def test_config_names_the_variable_when_its_value_is_bad(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        Config.from_environment({name: value})


def test_config_names_the_key_file_when_access_is_closed_without_one() -> None:
    with pytest.raises(SettingError, match="ACCESS_KEY_FILE"):
        Config.from_environment({"ACCESS": "closed"})


def test_config_requires_an_access_mode_when_other_machines_reach_the_deployment() -> None:
    with pytest.raises(SettingError, match="ACCESS=closed"):
        Config.from_environment({"PUBLIC_HOST": "0.0.0.0"})
