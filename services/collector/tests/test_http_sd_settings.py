"""The settings of target lists, and the errors in them, which contain no secret."""

import pytest
from yarl import URL

from collector.config import Config
from collector.targets.entry import HTTP_FIELDS, HttpOptions
from collector.targets.http_sd_request import HttpSdUrl
from collector.targets.http_sd_settings import HttpSdSettings
from runtime.settings import SettingError
from runtime.target_list_types import OPTIONS

SECRET = "hunter2"


def settings(**variables):
    return Config.from_environment({f"COLLECTOR_HTTP_SD_{name}": text for name, text in variables.items()}).http_sd


def test_no_list_is_followed_when_nothing_is_set():
    assert settings() == HttpSdSettings((), 60.0)


def test_urls_have_the_options():
    found = settings(
        URLS="https://netbox.lan/a https://netbox.lan/b?x=1 https://netbox.lan/a",
        OPTIONS="ca_file=ca.crt, server_name=netbox, bearer_token_file=sd/token",
        REFRESH_SECONDS="5",
    )

    http = HttpOptions(scheme="https", ca_file="ca.crt", server_name="netbox", bearer_token_file="sd/token")
    assert found == HttpSdSettings(
        (HttpSdUrl(URL("https://netbox.lan/a"), http), HttpSdUrl(URL("https://netbox.lan/b?x=1"), http)), 5.0
    )


def test_options_are_those_of_an_entry():
    [found] = settings(
        URLS="http://[fd00::6]:8080/t", OPTIONS="username=p, password_file=x, credentials_over_http=true"
    ).urls

    assert found.http == HttpOptions(username="p", password_file="x", credentials_over_http=True)
    assert OPTIONS.takes.partition("names are ")[2].split(", ") == [name for name in HTTP_FIELDS if name != "scheme"]


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"URLS": f"https://prom:{SECRET}@netbox.lan"}, "COLLECTOR_HTTP_SD_URLS='…' is not valid: it takes URLs"),
        ({"URLS": f"netbox.lan?token={SECRET}"}, "COLLECTOR_HTTP_SD_URLS='…' is not valid: it takes URLs"),
        ({"URLS": f"https://256.1.1.1/{SECRET}"}, "COLLECTOR_HTTP_SD_URLS='…' is not valid: it takes URLs"),
        ({"URLS": f"https://a/{SECRET}", "OPTIONS": f"password={SECRET}"}, "COLLECTOR_HTTP_SD_OPTIONS='…' is not"),
        ({"URLS": "https://a", "OPTIONS": "insecure=yes"}, "COLLECTOR_HTTP_SD_OPTIONS: insecure must be true or"),
        ({"URLS": "https://a", "OPTIONS": "ca_file=../x"}, "COLLECTOR_HTTP_SD_OPTIONS: ca_file must not contain .."),
        ({"URLS": "http://a", "OPTIONS": "ca_file=x"}, "COLLECTOR_HTTP_SD_OPTIONS: ca_file needs scheme: https"),
        ({"URLS": "http://a", "OPTIONS": "bearer_token_file=x"}, "COLLECTOR_HTTP_SD_OPTIONS: anybody on the network"),
        ({"URLS": "https://a", "OPTIONS": "username=x"}, "set username and password_file together"),
        ({"URLS": "https://a", "OPTIONS": "bearer_token_file=x, insecure=true"}, "would send the credentials to any"),
        ({"URLS": "https://a https://b", "OPTIONS": "bearer_token_file=x"}, "only if all URLs have the same scheme"),
        ({"URLS": "https://a", "REFRESH_SECONDS": "0.5"}, "COLLECTOR_HTTP_SD_REFRESH_SECONDS"),
    ],
)
def test_error_names_the_variable_without_a_secret(variables, text):
    with pytest.raises(SettingError) as error:
        settings(**variables)

    assert text in str(error.value)
    assert SECRET not in str(error.value)


def test_several_servers_are_possible_without_credentials():
    assert len(settings(URLS="https://a https://b", OPTIONS="ca_file=ca.crt").urls) == 2
