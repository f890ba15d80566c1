"""Who is believed about where a request comes from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.proxies import ClientAddress, TrustedProxies, client_network

GATEWAY = "172.20.0.9"
SSO = "10.0.0.5"


@pytest.mark.parametrize(
    ("words", "peer", "forwarded_for", "expected"),
    [
        # Nobody is believed.
        ("", "1.2.3.4", "5.6.7.8", ClientAddress("1.2.3.4", False, False)),
        ("10.0.0.0/8", "1.2.3.4", "10.0.0.5", ClientAddress("1.2.3.4", False, False)),
        # The gateway alone, which overwrites what clients say.
        ("peer", GATEWAY, "5.6.7.8", ClientAddress("5.6.7.8", False, True)),
        ("peer", GATEWAY, "", ClientAddress(GATEWAY, False, True)),
        # It does not vouch for what stood there before.
        ("peer", GATEWAY, "9.9.9.9, 5.6.7.8", ClientAddress("5.6.7.8", False, True)),
        # A proxy of ours before the gateway.
        (f"peer {SSO}", GATEWAY, f"5.6.7.8, {SSO}", ClientAddress("5.6.7.8", True, True)),
        (f"peer {SSO}", GATEWAY, SSO, ClientAddress(SSO, True, True)),
        (f"peer {SSO}", GATEWAY, f"{SSO}, 5.6.7.8", ClientAddress("5.6.7.8", False, True)),
        ("peer 10.0.0.0/8", GATEWAY, "7.7.7.7, 5.6.7.8, 10.0.0.1, 10.0.0.2", ClientAddress("5.6.7.8", True, True)),
        # The gateway is in the same network as they are, and vouches for nobody all the same.
        ("peer 172.16.0.0/12", GATEWAY, "5.6.7.8", ClientAddress("5.6.7.8", False, True)),
        ("peer 172.16.0.0/12", GATEWAY, "", ClientAddress(GATEWAY, False, True)),
        ("peer 172.16.0.0/12", GATEWAY, "5.6.7.8, 172.20.0.4", ClientAddress("5.6.7.8", True, True)),
        # A proxy that connects itself.
        (SSO, SSO, "5.6.7.8", ClientAddress("5.6.7.8", True, True)),
        (SSO, SSO, "", ClientAddress(SSO, True, True)),
        # As proxies write addresses.
        ("peer", GATEWAY, "5.6.7.8:4711", ClientAddress("5.6.7.8", False, True)),
        ("peer", GATEWAY, '"[2001:db8::1]:4711"', ClientAddress("2001:db8::1", False, True)),
        ("peer", GATEWAY, "::ffff:5.6.7.8", ClientAddress("5.6.7.8", False, True)),
        (SSO, f"::ffff:{SSO}", "5.6.7.8", ClientAddress("5.6.7.8", True, True)),
        ("peer", GATEWAY, "unknown", ClientAddress(GATEWAY, False, True)),
        ("peer", GATEWAY, "5.6.7.8, _hidden", ClientAddress(GATEWAY, False, True)),
        ("peer", GATEWAY, ", ,", ClientAddress(GATEWAY, False, True)),
        ("peer", "", "5.6.7.8", ClientAddress("5.6.7.8", False, True)),
    ],
)
def test_origin_is_the_last_address_that_somebody_believed_wrote(
    words: str, peer: str, forwarded_for: str, expected: ClientAddress
) -> None:
    assert TrustedProxies.of(words.split()).client_address(peer, forwarded_for) == expected


@given(st.text(max_size=60), st.text(max_size=200))
def test_no_text_is_vouched_for_or_breaks_the_reading(peer: str, forwarded_for: str) -> None:
    origin = TrustedProxies.of(["peer", SSO]).client_address(peer, forwarded_for)

    assert origin.is_vouched_for <= (SSO in peer + forwarded_for)


@pytest.mark.parametrize("word", ["peers", "10.0.0.0/33", "cluster.lan", "1.2.3", "::1/200"])
def test_word_that_is_no_address_is_refused(word: str) -> None:
    with pytest.raises(ValueError):
        TrustedProxies.of([word])


def test_neighbours_in_one_ipv6_network_are_counted_as_one() -> None:
    assert client_network("2001:db8::1") == client_network("2001:db8::ffff:1") != client_network("2001:db8:0:1::1")
    assert client_network("5.6.7.8") == "5.6.7.8" != client_network("5.6.7.9")
    assert client_network("") == ""
