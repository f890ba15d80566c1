"""A session stays on its ws pod through all gateways."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import cycle

import pytest
import requests

from tests.drivers.kubernetes import KubernetesDeployment
from tests.drivers.polling_session import PollingSession
from tests.drivers.port_forward import port_forward

SESSIONS = 9


@pytest.fixture
def gateways(deployment: KubernetesDeployment) -> Iterator[list[str]]:
    """Return each gateway pod's address."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(port_forward(deployment.kubectl, f"pod/{pod}", 8085))
            for pod in deployment.ready_pods("gateway")
        ]


def test_polling_sessions_stay_on_their_pods_when_each_request_uses_the_other_gateway(gateways: list[str]) -> None:
    assert len(gateways) == 2
    replicas = [session_through(gateways) for _ in range(SESSIONS)]
    assert len(set(replicas)) == 3, "all pods have their share"


def test_session_is_upgraded_to_a_websocket_through_the_other_gateway(gateways: list[str]) -> None:
    for first, second in (gateways, reversed(gateways)):
        with requests.Session() as jar:
            session = PollingSession(first, jar)
            session.connect(first)
            with closing(session.upgrade(second)) as connection:
                packets = (str(connection.recv()) for _ in range(20))
                assert any(packet.startswith('42["redis_cluster_metrics"') for packet in packets), "goes on there"


def test_new_sessions_of_one_browser_with_a_cookie_are_spread_over_the_pods(gateways: list[str]) -> None:
    with requests.Session() as jar:
        replicas = {PollingSession(gateways[0], jar).connect(gateways[0]) for _ in range(SESSIONS)}
    assert len(replicas) == 3


def test_polling_sessions_of_one_browser_do_not_disturb_each_other(gateways: list[str]) -> None:
    # Given several pages of a browser with one cookie
    with requests.Session() as jar:
        sessions = [PollingSession(gateways[0], jar) for _ in range(SESSIONS)]
        replicas = {session.connect(gateways[0]) for session in sessions}
        assert len(replicas) == 3
        # Then each session continues on its pod
        for session in sessions:
            session.event(gateways[0], "redis_cluster_metrics")


def test_polling_sessions_stay_on_their_pods_through_the_service_without_cookies(
    deployment: KubernetesDeployment,
) -> None:
    replicas = set()
    for _ in range(SESSIONS):
        with requests.Session() as jar:
            jar.cookies.set_policy(_NoCookies())
            session = PollingSession(deployment.origin, jar)
            for _ in range(3):  # another pod, which does not know the session, answers 400
                session.send(deployment.origin, "3")
            replicas.add(session.connect(deployment.origin))
            assert not jar.cookies
    assert len(replicas) == 3


def session_through(gateways: Sequence[str]) -> str:
    """Begin a session and send each of its requests through the other gateway; return its replica."""
    turn = cycle(gateways)
    with requests.Session() as jar:
        session = PollingSession(next(turn), jar)
        assert "io-replica" in jar.cookies
        session.send(next(turn), "40")
        confirmed = session.event(next(turn), "connection_confirmed")
        for _ in range(4):
            session.send(next(turn), "3")
        session.take(next(turn))
        return str(confirmed["replica"])


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):
    def set_ok(self, cookie: object, request: object) -> bool:
        return False
