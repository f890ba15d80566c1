"""The types of the settings for target lists."""

import pytest

from runtime import target_list_types as types
from runtime.value_types import InvalidValue


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("", ()),
        ("https://netbox.lan/targets", ("https://netbox.lan/targets",)),
        (" http://a:8080  https://[fd00::6]/x ", ("http://a:8080", "https://[fd00::6]/x")),
        ("http://a, http://b,http://c,", ("http://a", "http://b", "http://c")),
        ("http://a/x?site=a,b&c=1 http://b", ("http://a/x?site=a,b&c=1", "http://b")),
    ],
)
def test_urls_are_separated_by_spaces_or_commas(text, urls):
    assert types.URLS.read(text) == urls


@pytest.mark.parametrize(
    "text",
    [
        "netbox.lan/targets",
        "ftp://netbox.lan",
        "https://",
        "https://a:port/",
        "https://a:0/",
        "https://a:70000/",
        "https://[fd00::6/",
        "https://prometheus@netbox.lan/",
        "https://prometheus:hunter2@netbox.lan/",
        "https://netbox.lan/#targets",
        "https://netbox.lan/é",
        "https://netbox.lan/\x07",
        "http://a nonsense",
    ],
)
def test_text_that_is_no_url_or_has_a_password_is_not_valid(text):
    with pytest.raises(InvalidValue):
        types.URLS.read(text)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("ca_file=ca.crt", {"ca_file": "ca.crt"}),
        (" username = prom , password_file=a=b c, ", {"username": "prom", "password_file": "a=b c"}),
    ],
)
def test_options_are_separated_by_commas(text, options):
    assert types.OPTIONS.read(text) == options


@pytest.mark.parametrize(
    "text", ["ca_file", "ca_file=", "=ca.crt", "password=hunter2", "scheme=https", "ca_file=a,ca_file=b"]
)
def test_option_without_a_known_name_and_one_value_is_not_valid(text):
    with pytest.raises(InvalidValue):
        types.OPTIONS.read(text)
