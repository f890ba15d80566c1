"""Programs publish messages: unchanged on the channel, or refused with the reason."""

import logging
from typing import Any

import pytest
from flask import Flask

from api.access.publish import Publisher
from api.access.rate_limit import PublishLimit
from api.counters import Counters
from api.tests.conftest import problem_detail
from api.tests.openapi_check import DOCUMENT, validate_response
from contract.names import ALERTS_CHANNEL, CHANNELS, MESSAGE_LIMIT_BYTES, METRICS_CHANNEL

ROUTE = "/api/publish/{channel}"
PATH = f"/api/publish/{ALERTS_CHANNEL}"


def assert_documented(response: Any) -> None:
    """Check that a response matches the OpenAPI document."""
    assert str(response.status_code) in DOCUMENT["paths"][ROUTE]["post"]["responses"]
    validate_response(ROUTE, response, "post")


@pytest.fixture
def publish(closed_app: Flask, deployment: Any) -> Any:
    token = deployment.add_token("publish")

    def publish(body: bytes, path: str = PATH, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = closed_app.test_client().post(path, data=body, headers=token | named)
        assert_documented(response)
        return response

    return publish


@pytest.mark.parametrize("mode", ["open", "closed"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_message_reaches_its_channel_unchanged_in_every_mode(
    deployment: Any, listener: Any, mode: str, channel: str
) -> None:
    body = ' {"b": 1e400,\n "a":[{}, [], "é"]}'.encode()
    token = deployment.add_token("publish")
    client = deployment.start(mode).test_client()
    response = client.post(f"/api/publish/{channel}", data=body, headers=token)
    assert (response.status_code, response.get_json()) == (202, {"channel": channel, "receivers": 1})
    assert_documented(response)
    assert [(name, data) for name, data, _ in listener.received(0.1)] == [(channel, body)]
    assert f'api_published_total{{channel="{channel}"}} 1.0' in deployment.metrics(client.application)


@pytest.mark.parametrize("mode", ["open", "closed"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401), ({"Authorization": "Bearer dcl_none"}, 401), ({"Authorization": "Basic YTpi"}, 401),
        ({"Cookie": "session=x"}, 401), (None, 403),
    ],
    ids=str,
)  # fmt: skip
def test_message_needs_a_token_of_that_scope_in_every_mode(
    deployment: Any, listener: Any, mode: str, headers: dict[str, str] | None, status: int
) -> None:
    if headers is None:
        headers = deployment.add_token("read")
    response = deployment.start(mode).test_client().post(PATH, data=b"{}", headers=headers)
    assert response.status_code == status
    assert_documented(response)
    assert listener.received(0.1) == []


@pytest.mark.parametrize("mode", ["open", "closed"])
def test_session_does_not_publish(deployment: Any, closed_app: Flask, ada: Any, browser: Any, mode: str) -> None:
    who = browser(deployment.start(mode))
    who.client.set_cookie(deployment.seal.cookie, ada.cookie(deployment))
    who.headers = {}
    assert who.post(PATH, {}).status_code == (401 if mode == "open" else 403)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b'"x"', b"1", b"{", b'{"a":NaN}', b'{"a":1}x', b"\xff", b'{"a":"\xc3"}',
        b"\x1f\x8b" + b"x" * 20, b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_body_is_refused_with_the_reason_when_it_is_not_an_object(publish: Any, listener: Any, body: bytes) -> None:
    response = publish(body)
    assert response.status_code == 400
    assert response.get_json()["detail"].startswith("A message must be a JSON object; this one is ")
    assert listener.received(0.1) == []


def test_body_is_accepted_up_to_the_limit(publish: Any) -> None:
    largest = b'{"a":"' + b"x" * (MESSAGE_LIMIT_BYTES - 8) + b'"}'
    assert len(largest) == MESSAGE_LIMIT_BYTES
    assert publish(largest).status_code == 202
    assert publish(largest + b" ").status_code == 413


def test_too_long_body_is_not_read_completely(closed_app: Flask, deployment: Any) -> None:
    token = deployment.add_token("publish")

    class Endless:
        read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= MESSAGE_LIMIT_BYTES + 1
            self.read_bytes += size
            # The body begins with an object, but is not one.
            return b"{}".ljust(size) if self.read_bytes == size else b" " * size

    for sent, allowed in (
        ({"CONTENT_LENGTH": str(MESSAGE_LIMIT_BYTES + 1)}, 0),
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, MESSAGE_LIMIT_BYTES + 70_000),
    ):
        body = Endless()
        environment = sent | {"wsgi.input": body, "wsgi.input_terminated": True}
        response = closed_app.test_client().post(PATH, headers=token, environ_overrides=environment)
        assert response.status_code == 413
        assert body.read_bytes <= allowed


@pytest.mark.parametrize(
    ("mimetype", "status"),
    [
        ("application/json", 202), ("application/json; charset=utf-8", 202), ("", 202), ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=x", 415),
    ],
)  # fmt: skip
def test_content_type_of_a_body_is_json_or_missing(publish: Any, mimetype: str, status: int) -> None:
    assert publish(b"{}", Content_Type=mimetype).status_code == status


@pytest.mark.parametrize(
    "channel", ["alerts", "cluster:nope", "cluster:access:revoked", "cluster:alerts/x", "CLUSTER:ALERTS"]
)
def test_unknown_channel_is_refused_with_a_list_of_channels(publish: Any, listener: Any, channel: str) -> None:
    response = publish(b"{}", f"/api/publish/{channel}")
    assert response.status_code == 404
    for name in CHANNELS:
        assert name in response.get_json()["detail"]
    assert listener.received(0.1) == []


def test_message_is_refused_when_redis_is_away(publish: Any, valkey: Any) -> None:
    assert publish(b"{}").status_code == 202
    valkey.stop()
    assert "The message was not published" in problem_detail(publish(b"{}"), 503)


def test_message_is_refused_when_half_the_threads_receive_messages(closed_app: Flask) -> None:
    publisher = Publisher(None, None, PublishLimit(1, Counters()), threads=4)  # type: ignore[arg-type]
    for _ in range(2):
        assert publisher._body_slots.acquire(blocking=False)
    with (
        closed_app.test_request_context(PATH, method="POST", data=b"{}"),
        pytest.raises(Exception, match="at the same time"),
    ):
        publisher.read()


class CountingBody:
    """A body of a given length that counts the bytes read."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        begin = b"{" if not self.read_bytes else b""
        size = min(size, self._left)
        self._left -= size
        self.read_bytes += size
        end = b"}" if size and not self._left else b""
        return begin.ljust(size - len(end)) + end


@pytest.mark.parametrize("says_length", [True, False])
def test_token_publishes_up_to_its_limit_and_more_is_refused_unread(
    deployment: Any, now: list[float], says_length: bool
) -> None:
    # given
    client = deployment.start(published_bytes_per_second=1_000_000).test_client()
    loud, other = deployment.add_token("publish"), deployment.add_token("publish", name="other")

    def publish(token: dict[str, str], length: int = 2_500_000) -> tuple[Any, int]:
        body = CountingBody(length)
        sent = {"CONTENT_LENGTH": str(length)} if says_length else {"HTTP_TRANSFER_ENCODING": "chunked"}
        environment = {"CONTENT_LENGTH": "", **sent, "wsgi.input": body, "wsgi.input_terminated": True}
        response = client.post(PATH, headers=token, environ_overrides=environment)
        assert_documented(response)
        return response, body.read_bytes

    assert [publish(loud)[0].status_code for _ in range(4)] == [202] * 4
    if not says_length:  # the limit allows one message too many
        assert publish(loud)[0].status_code == 202
    # when
    response, read_bytes = publish(loud)
    # then
    assert (response.status_code, response.get_json()["code"], read_bytes) == (429, "limit_exceeded", 0)
    assert 1 <= int(response.headers["Retry-After"]) <= 3
    assert publish(other)[0].status_code == 202
    now[0] += int(response.headers["Retry-After"])
    assert publish(loud)[0].status_code == 202
    assert 'api_limited_total{kind="published"} 1.0' in deployment.metrics(client.application)


def test_largest_message_is_accepted_at_any_rate(deployment: Any, now: list[float]) -> None:
    client = deployment.start(published_bytes_per_second=1000).test_client()
    body = b'{"a":"' + b"x" * (MESSAGE_LIMIT_BYTES - 8) + b'"}'
    assert client.post(PATH, data=body, headers=deployment.add_token("publish")).status_code == 202


def test_refused_message_is_logged_on_one_line_without_a_secret(
    publish: Any, closed_app: Flask, deployment: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    publish(b"secret body\n", f"/api/publish/{METRICS_CHANNEL}")
    publish(b"{}", "/api/publish/x%0d%0aINFO forged")
    token = deployment.add_token("read", name="reader")
    closed_app.test_client().post(PATH, data=b"{}", headers=token)
    lines = [record.getMessage() for record in caplog.records]
    assert any("refused a message of 'script'" in line and "not JSON" in line for line in lines)
    assert any(f"refused '{PATH}'" in line and "scope" in line for line in lines)
    assert not any("\n" in line or "secret" in line or "dcl_" in line for line in lines)


def test_refused_messages_of_one_token_are_one_line_a_minute(publish: Any, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(20):
        publish(b"{}", f"/api/publish/unknown-{number}")
        publish(b"no object")

    refused = [record for record in caplog.records if "refused a message" in record.getMessage()]
    # The channel is unknown, and the body is not a message.
    assert len(refused) == 2
