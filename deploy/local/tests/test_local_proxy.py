"""Headers that only a proxy may set, and how the gateway forwards them."""

import pytest

from access.proxies import TrustedProxies
from deploy.local.proxy import ForwardingHeaders, request_headers

FORGED = {
    "HTTP_FORWARDED": "for=6.6.6.6",
    "HTTP_X_FORWARDED_FOR": "6.6.6.6",
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_REAL_IP": "6.6.6.6",
    "HTTP_REMOTE_USER": "root",
    "HTTP_X_SSO_USER": "root",
    "HTTP_X_KEPT": "yes",
}
TRUSTED = TrustedProxies.of(["10.0.0.0/8", "fd00::/8"])


def handed_on(forwarding: ForwardingHeaders, peer: str, **environ: str) -> dict[str, str]:
    headers = request_headers({"HTTP_HOST": "live.lan", **FORGED, **environ, "REMOTE_ADDR": peer}, forwarding)
    assert len({name for name, _ in headers}) == len(headers)
    found = dict(headers)
    assert (found.pop("host"), found.pop("connection"), found.pop("x-kept")) == ("live.lan", "close", "yes")
    return found


@pytest.mark.parametrize(
    "forwarding", [ForwardingHeaders(), ForwardingHeaders(TRUSTED), ForwardingHeaders(TRUSTED, "X-SSO-User")]
)
@pytest.mark.parametrize("peer", ["192.0.2.9", "127.0.0.1", "11.0.0.1", "2001:db8::1"])
def test_forwarding_headers_are_replaced_unless_a_trusted_proxy_sent_them(
    forwarding: ForwardingHeaders, peer: str
) -> None:
    # when
    found = handed_on(forwarding, peer)
    # then: a header without a meaning for the product is forwarded
    named = forwarding.replaces("x-sso-user")
    assert found == {"x-forwarded-for": peer} | ({} if named else {"x-sso-user": "root"})


@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3", "fd00::7"])
def test_trusted_proxy_may_set_only_chain_scheme_and_user(peer: str) -> None:
    assert handed_on(ForwardingHeaders(TRUSTED, "X-SSO-User"), peer) == {
        "x-forwarded-for": f"6.6.6.6, {peer}",
        "x-forwarded-proto": "https",
        "x-sso-user": "root",
    }


def test_user_header_is_not_forwarded_when_none_is_set() -> None:
    found = handed_on(ForwardingHeaders(TRUSTED), "10.1.2.3")
    assert "remote-user" not in found


def test_trusted_proxy_is_the_client_when_it_sends_no_header() -> None:
    silent = dict.fromkeys(FORGED, "") | {"HTTP_X_KEPT": "yes"}
    assert handed_on(ForwardingHeaders(TRUSTED, "Remote-User"), "10.1.2.3", **silent) == {
        "x-forwarded-for": "10.1.2.3",
        "x-sso-user": "",
    }


def test_client_cannot_remove_a_forwarding_header_with_connection() -> None:
    found = handed_on(ForwardingHeaders(TRUSTED), "10.1.2.3", HTTP_CONNECTION="close, X-Forwarded-For")
    assert found["x-forwarded-for"] == "6.6.6.6, 10.1.2.3"
