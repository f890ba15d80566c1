"""The settings of the api service."""

import pytest

from api.config import Config
from contract.runtime.settings import Environment, SettingError


def test_config_has_a_default_for_everything_when_nothing_is_set() -> None:
    config = Config.from_environment({})
    assert config == Config(
        redis_url="redis://127.0.0.1:6379/0",
        cluster_name="cluster",
        log_level="INFO",
        host="127.0.0.1",
        port=8000,
        threads=8,
    )


def test_config_takes_every_variable_it_knows_when_they_are_set() -> None:
    variables = {
        "REDIS_URL": "redis://redis:6380/1",
        "API_REDIS_USERNAME": "api",
        "CLUSTER_NAME": "lab",
        "LOG_LEVEL": "DEBUG",
        "API_HOST": "0.0.0.0",
        "API_PORT": "9000",
        "API_THREADS": "16",
    }
    environment = Environment(variables)
    config = Config.read(environment)
    assert config == Config("redis://api:@redis:6380/1", "lab", "DEBUG", "0.0.0.0", 9000, 16)
    assert environment.known == variables.keys() | {"API_REDIS_PASSWORD_FILE"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("API_PORT", "0"), ("API_PORT", "x"), ("API_THREADS", "0"), ("API_THREADS", "257"), ("LOG_LEVEL", "loud")],
)
def test_config_names_the_variable_when_its_value_is_bad(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        Config.from_environment({name: value})
