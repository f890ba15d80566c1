"""Which host names are answered: the rule, and when it holds."""

import pytest

from access.hosts import AllowedHosts, asked_host
from access.proxies import TrustedProxies
from access.settings import read_hosts
from runtime.settings import Environment, SettingError

PEER = "127.0.0.1"
PROXY = "192.0.2.7"


def hosts(listens_on: str = "127.0.0.1", **variables: str) -> AllowedHosts:
    return read_hosts(Environment(variables), listens_on)


def answers(rule: AllowedHosts, host: str | None, path: str = "/api/health", **how: str) -> bool:
    return rule.allows(host, path, **{"peer": PEER, **how})


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8085", "192.168.1.20:8085", "127.0.0.1."),
        *("[::1]", "[::1]:8085", "[FD00::7]:1", "[::ffff:127.0.0.1]:8085"),
        *("localhost", "localhost:8085", "localhost:1", "localhost:65535", "localhost:", "LocalHost"),
        "localhost.:8085",
    ],
)
def test_host_is_allowed_when_it_is_an_address_or_localhost(host: str) -> None:
    assert answers(hosts(), host)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8085", "evil.example.", "EVIL.example", "127.0.0.1.evil.example"),
        *("a.localhost", "localhost.evil.example", "localhost..", "evil.example:localhost"),
        *("localhost:99999", "localhost:-1", "localhost:8085:1", "localhost:8o", "localhost:\u0661"),
        *("user@localhost", "localhost@evil.example", "@localhost", "localhost,evil.example", "evil.example,localhost"),
        *("localhost evil.example", "localhost/evil", "local\x00host"),
        *("[::1", "::1", "[::1]evil.example", "[localhost]", "[127.0.0.1]", "[::1%eth0]"),
        *("127.0.0.1.1", "127.1", "0x7f.1"),
        *("localhost#", "localhost?", "localhost\\", " ", ":8085", ".", "api", "\u00e9vil.example"),
    ],
)
def test_host_is_refused_when_it_is_another_name_or_invalid(host: str) -> None:
    assert not answers(hosts(), host)


def test_host_is_answered_when_a_setting_names_it() -> None:
    named = hosts(
        PUBLIC_URL="https://Cluster.example./live/", WS_ALLOWED_ORIGINS="https://wall.lan:8443 http://[fd00::7]:1"
    )

    for host in ("cluster.example", "CLUSTER.example.:443", "cluster.example:8085", "wall.lan", "wall.lan:1"):
        assert answers(named, host), host
    for host in ("evil.cluster.example", "example", "wall.lan.evil.example"):
        assert not answers(named, host), host


def test_all_origins_name_no_host() -> None:
    assert not answers(hosts(WS_ALLOWED_ORIGINS="*"), "evil.example")


@pytest.mark.parametrize("host", [None, ""])
def test_request_without_a_host_is_allowed_when_it_is_a_probe(host: str | None) -> None:
    trusting = hosts(TRUSTED_PROXIES=PEER)

    for path in ("/livez", "/readyz"):
        assert answers(hosts(), host, path)
    for path in ("/metrics", "/", "/socket.io/", "/livez/", "/api/health"):
        assert not answers(hosts(), host, path), path
        assert not answers(trusting, host, path), path


def test_probe_is_refused_when_it_is_for_another_name() -> None:
    assert not answers(hosts(), "evil.example", "/livez")


def test_any_name_is_allowed_when_a_trusted_proxy_forwards_it() -> None:
    trusting = hosts(TRUSTED_PROXIES=f"{PROXY} 10.0.0.0/8")
    behind_gateway = hosts(TRUSTED_PROXIES=f"peer {PROXY}")

    assert answers(trusting, "cluster.example", peer=PROXY)
    assert answers(trusting, "cluster.example", peer=PROXY, forwarded_for="203.0.113.9")
    assert not answers(trusting, "cluster.example")
    assert not answers(trusting, "cluster.example", forwarded_for=PROXY)
    # The gateway, who hands everything on, is no such proxy.
    assert answers(behind_gateway, "cluster.example", forwarded_for=f"203.0.113.9, {PROXY}")
    assert not answers(behind_gateway, "cluster.example")
    assert not answers(behind_gateway, "cluster.example", forwarded_for="203.0.113.9")
    assert not answers(behind_gateway, "cluster.example", forwarded_for=f"{PROXY}, 203.0.113.9")


@pytest.mark.parametrize("host", ["", "127.0.0.1", "127.0.0.5", "::1", "[::1]", "localhost"])
def test_names_are_checked_when_only_this_machine_reaches_the_pages(host: str) -> None:
    assert not answers(hosts(PUBLIC_HOST=host), "evil.example")
    assert not answers(hosts(PUBLIC_HOST=host, ACCESS="none"), "evil.example")


@pytest.mark.parametrize(
    "variables",
    [
        *({"ACCESS": "open"}, {"ACCESS": "closed"}),
        *({"PUBLIC_HOST": "0.0.0.0"}, {"PUBLIC_HOST": "::"}, {"PUBLIC_HOST": "192.168.1.4"}, {"PUBLIC_HOST": "pi.lan"}),
    ],
    ids=str,
)
def test_no_name_is_checked_when_access_was_chosen_or_others_reach_the_pages(variables: dict[str, str]) -> None:
    for host in ("evil.example", "a,b", None):
        assert answers(hosts(**variables), host)


def test_names_of_containers_are_answered_when_they_reach_each_other() -> None:
    for host in ("api:8000", "ws:8001", "collector:8002", "gateway:8085"):
        assert answers(hosts("0.0.0.0"), host)
        assert not answers(hosts("127.0.0.1"), host)
    assert not answers(hosts("0.0.0.0"), "redis")


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/api/health", "localhost"),
        ("/?x=http://evil.example/", "localhost"),
        ("//evil.example/", "localhost"),
        ("http://evil.example/api/health", "evil.example"),
        ("HTTP://evil.example:8085?x", "evil.example:8085"),
        ("http://user@evil.example/", "user@evil.example"),
        ("http:///api/health", ""),
    ],
)
def test_target_in_absolute_form_replaces_the_host(target: str, host: str) -> None:
    assert asked_host(target, "localhost") == host


@pytest.mark.parametrize(
    ("name", "value"), [("PUBLIC_URL", "cluster"), ("WS_ALLOWED_ORIGINS", "wall"), ("TRUSTED_PROXIES", "here")]
)
def test_setting_is_named_when_its_value_is_not_valid(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        hosts(**{name: value})


def test_services_without_settings_answer_to_addresses_and_localhost() -> None:
    assert hosts() == AllowedHosts() == AllowedHosts(frozenset(("localhost",)), TrustedProxies())
