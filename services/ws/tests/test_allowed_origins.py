import logging

import pytest

from access.web_origin import normal_origin, origin_of_url
from ws.allowed_origins import LOGGED_ORIGINS_LIMIT, AllowedOrigins
from ws.counters import Counters


@pytest.fixture
def counters() -> Counters:
    return Counters()


def origins(counters: Counters, *allowed: str, public: str = "") -> AllowedOrigins:
    return AllowedOrigins(allowed, counters, origin_of_url(public))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8085", "localhost:8085"),
        ("https://cluster.example", "cluster.example"),
        ("http://cluster.example", "cluster.example:80"),
        ("https://cluster.example", "cluster.example:443"),
        ("https://cluster.example:443", "cluster.example"),
        ("https://cluster.example:8443", "cluster.example:8443"),
        ("http://Cluster.Example", "cluster.EXAMPLE"),
        ("http://[::1]:8085", "[::1]:8085"),
    ],
)
def test_page_may_connect_when_its_host_equals_the_host_header(counters: Counters, origin: str, host: str) -> None:
    assert origins(counters)(origin, {"HTTP_HOST": host})
    assert counters.refused_origins == 0


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "cluster.example"),
        ("http://cluster.example:8085", "cluster.example"),
        ("http://cluster.example", "cluster.example:8085"),
        ("http://cluster.example.evil", "cluster.example"),
        ("http://cluster.example@evil", "cluster.example"),
        ("http://cluster.example:99999", "cluster.example"),
        ("file://cluster.example", "cluster.example"),
        ("http://cluster.example/", "cluster.example"),
        ("http://[", "["),
        ("null", "null"),
        ("http://", ""),
        ("garbage\r\nX: y", "cluster.example"),
    ],
)
def test_page_of_another_host_is_refused_and_counted(counters: Counters, origin: str, host: str) -> None:
    assert not origins(counters)(origin, {"HTTP_HOST": host})
    assert counters.refused_origins == 1


def test_forwarded_host_is_ignored(counters: Counters) -> None:
    environ = {
        "HTTP_HOST": "cluster.example",
        "HTTP_X_FORWARDED_HOST": "evil.example",
        "HTTP_X_FORWARDED_PROTO": "http",
    }

    assert not origins(counters)("http://evil.example", environ)


def test_request_without_origin_is_allowed(counters: Counters) -> None:
    assert origins(counters)(None, {"HTTP_HOST": "cluster.example"})


def test_page_may_connect_when_its_origin_is_in_the_settings(counters: Counters) -> None:
    gate = origins(counters, "https://wall.example:8443", "http://desk.example:80")

    assert gate("https://wall.example:8443", {"HTTP_HOST": "cluster.example"})
    assert gate("http://desk.example", {"HTTP_HOST": "cluster.example"})
    assert not gate("http://wall.example:8443", {"HTTP_HOST": "cluster.example"})


def test_any_page_may_connect_when_all_origins_are_allowed(counters: Counters) -> None:
    gate = origins(counters, "*")

    assert gate("null", {"HTTP_HOST": "cluster.example"})
    assert gate.any_allowed


HOST = "cluster.example:8085"
OURS = "http://cluster.example:8085"


def is_own_origin(counters: Counters, *allowed: str, public: str = "", **headers: str) -> bool | None:
    """Return whether a request with these headers has our own origin."""
    environ = {"HTTP_HOST": HOST, **{f"HTTP_{name.upper()}": value for name, value in headers.items()}}
    return origins(counters, *allowed, public=public).is_own_origin(environ)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": OURS},
        {"origin": OURS, "sec_fetch_site": "same-site", "referer": "http://evil.example/"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-origin", "referer": "http://evil.example/"},
        {"referer": f"{OURS}/monitoring?a=b#c"},
        {"referer": OURS},
    ],
    ids=str,
)
def test_request_has_our_origin_when_its_headers_show_it(counters: Counters, headers: dict[str, str]) -> None:
    assert is_own_origin(counters, **headers) is True
    assert is_own_origin(counters, "*", **headers) is True


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://cluster.example:8086"},
        {"origin": "http://cluster.example"},
        {"origin": "http://other.cluster.example:8085"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://evil.example", "sec_fetch_site": "same-origin", "referer": f"{OURS}/"},
        {"sec_fetch_site": "same-site", "referer": f"{OURS}/"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": ""},
        {"sec_fetch_site": "Same-Origin, same-site"},
        {"referer": "http://cluster.example:8086/"},
        {"referer": "http://cluster.example:8085@evil.example/"},
        {"referer": "http://evil.example/?http://cluster.example:8085/"},
        {"referer": "about:blank"},
        {"referer": "http://[/"},
    ],
    ids=str,
)
def test_request_has_another_origin_when_its_headers_show_it(counters: Counters, headers: dict[str, str]) -> None:
    assert is_own_origin(counters, **headers) is False
    assert is_own_origin(counters, "*", **headers) is False


@pytest.mark.parametrize("headers", [{}, {"referer": ""}, {"sec_fetch_site": "none"}], ids=str)
def test_origin_of_a_request_is_unknown_when_no_header_shows_it(counters: Counters, headers: dict[str, str]) -> None:
    assert is_own_origin(counters, **headers) is None


def test_allowed_origin_is_not_our_own_origin(counters: Counters) -> None:
    gate = origins(counters, "https://wall.example")

    assert gate("https://wall.example", {"HTTP_HOST": HOST})
    assert is_own_origin(counters, "https://wall.example", origin="https://wall.example") is False


def test_origin_of_the_public_url_is_our_own_origin(counters: Counters) -> None:
    public = "https://public.example/"

    assert origins(counters, public=public)("https://public.example", {"HTTP_HOST": HOST})
    assert is_own_origin(counters, public=public, origin="https://public.example") is True
    assert is_own_origin(counters, public=public, referer="https://public.example/nodes") is True
    assert is_own_origin(counters, public=public, origin="https://public.example:8443") is False


def test_plain_http_origin_is_not_our_own_when_our_pages_use_https(counters: Counters) -> None:
    plain = {"HTTP_HOST": "cluster.example", "HTTP_ORIGIN": "http://cluster.example"}
    encrypted = {**plain, "wsgi.url_scheme": "https"}
    public = origins(counters, public="https://cluster.example")

    assert origins(counters).is_own_origin(plain) is True
    assert origins(counters).is_own_origin(encrypted) is False
    assert public.is_own_origin(plain) is False
    assert public.is_own_origin({**encrypted, "HTTP_ORIGIN": "https://cluster.example"}) is True
    # Another address of the same deployment, for example a tunnel.
    assert public.is_own_origin({"HTTP_HOST": "localhost:8085", "HTTP_ORIGIN": "http://localhost:8085"}) is True


def test_refusal_is_logged_once_per_origin_and_names_the_setting(
    counters: Counters, caplog: pytest.LogCaptureFixture
) -> None:
    gate = origins(counters)

    for origin in ("http://a.example", "http://b.example", "http://a.example"):
        gate(origin, {"HTTP_HOST": "cluster.example"})

    assert [record.getMessage().count("WS_ALLOWED_ORIGINS") for record in caplog.records] == [1, 1]
    assert "'http://a.example'" in caplog.records[0].getMessage()
    assert counters.refused_origins == 3


def test_log_of_forged_origins_is_bounded_and_has_one_line_each(
    counters: Counters, caplog: pytest.LogCaptureFixture
) -> None:
    gate = origins(counters)

    for number in range(1000):
        gate(f"http://{number}.example\r\n2026 ERROR forged" + "x" * 1000, {"HTTP_HOST": "h\n" * 1000})

    assert len(caplog.records) == LOGGED_ORIGINS_LIMIT + 1
    assert all(len(record.getMessage().splitlines()) == 1 for record in caplog.records)
    assert all(len(record.getMessage()) < 1000 for record in caplog.records)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_normal_origin_has_its_default_port() -> None:
    assert normal_origin("HTTPS://Cluster.example") == ("https", "cluster.example", 443)
