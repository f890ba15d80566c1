import pytest

from runtime.settings import Environment, SettingError
from ws.config import Config


def test_config_has_its_defaults_when_nothing_is_set() -> None:
    assert Config.from_environment({}) == Config(redis_url="redis://127.0.0.1:6379/0")


def test_config_lists_its_variables_after_reading() -> None:
    environment = Environment({})
    Config.read(environment)

    assert environment.known == {
        "REDIS_URL", "WS_REDIS_USERNAME", "WS_REDIS_PASSWORD_FILE", "LOG_LEVEL", "PUBLIC_URL",
        "WS_HOST", "WS_PORT", "WS_ALLOWED_ORIGINS", "WS_DRAIN_SECONDS", "WS_SLOW_SECONDS", "WS_LOOP",
        "WS_PING_INTERVAL_SECONDS", "WS_PING_TIMEOUT_SECONDS",
        "WS_LIMIT_CONNECTIONS", "WS_LIMIT_CONNECTS_PER_SECOND", "WS_LIMIT_PACKETS_PER_SECOND", "WS_LIMIT_PACKET_BYTES",
        "WS_LIMIT_SUBSCRIPTIONS", "ACCESS", "ACCESS_KEY_FILE", "ACCESS_TOKENS_DIR", "ACCESS_USER_HEADER", "PUBLIC_HOST",
        "TRUSTED_PROXIES", "REDIS_CA_FILE", "WS_LOG_LEVEL", "LOG_FORMAT",
    }  # fmt: skip


def test_ping_timeout_is_at_most_the_ping_interval() -> None:
    config = Config.from_environment({"WS_PING_INTERVAL_SECONDS": "10", "WS_PING_TIMEOUT_SECONDS": "20"})
    assert (config.ping_interval_seconds, config.ping_timeout_seconds) == (10, 10)


def test_config_separates_allowed_origins_from_the_public_one() -> None:
    config = Config.from_environment(
        {"WS_ALLOWED_ORIGINS": "https://a.example, http://b.example:81", "PUBLIC_URL": "https://c.example/live/"}
    )

    assert config.allowed_origins == ("https://a.example", "http://b.example:81")
    assert config.public == ("https", "c.example", 443)


@pytest.mark.parametrize("value", ["fast", "plain", "quick"])
def test_config_has_a_log_line_when_a_removed_setting_is_set(value: str) -> None:
    config = Config.from_environment({"WS_PUSH": value})

    assert [text.partition(";")[0] for text in config.removed] == ["WS_PUSH was removed in 0.4"]


def test_config_has_no_log_line_when_a_removed_setting_is_empty() -> None:
    assert Config.from_environment({"WS_PUSH": ""}).removed == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WS_PORT", "0"),
        ("WS_PORT", "http"),
        ("WS_LOOP", "asyncio"),
        ("WS_LOOP", "Gevent"),
        ("WS_PING_INTERVAL_SECONDS", "26"),
        ("WS_PING_TIMEOUT_SECONDS", "0.5"),
        ("WS_ALLOWED_ORIGINS", "a.example"),
        ("WS_ALLOWED_ORIGINS", "https://a.example/path"),
        ("PUBLIC_URL", "cluster"),
        ("REDIS_URL", "http://x"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_config_error_names_the_variable_when_its_value_is_invalid(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        Config.from_environment({name: value})


def test_config_error_names_the_loop_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ws.config.find_spec", lambda name: None if name == "gevent" else object())
    with pytest.raises(
        SettingError, match=r"WS_LOOP='gevent' is not valid: it takes only eventlet here: gevent is not"
    ):
        Config.from_environment({"WS_LOOP": "gevent"})
    assert Config.from_environment({"WS_LOOP": "eventlet"}).loop == "eventlet"
