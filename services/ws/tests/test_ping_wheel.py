import pytest

from ws.engine.ping_wheel import PingWheel


class Client:
    def __init__(self) -> None:
        self.spoke = 0
        self.awaits_pong = False
        self.pings = 0
        self.ended: str | None = None
        #: Wheel that the client leaves at its end, as sessions do.
        self.leaves: PingWheel | None = None

    def ping(self) -> None:
        self.pings += 1
        self.awaits_pong = True

    def end(self, reason: str, code: int | None, text: str = "") -> None:
        self.ended = reason
        if self.leaves is not None:
            self.leaves.remove(self)


def test_clients_are_pinged_once_an_interval_and_evenly() -> None:
    wheel, clients = PingWheel(interval_seconds=25, timeout_seconds=20), [Client() for _ in range(100)]
    for client in clients:
        wheel.add(client)
    most = 0
    for _ in range(50):
        before = sum(client.pings for client in clients)
        wheel.advance()
        most = max(most, sum(client.pings for client in clients) - before)
        for client in clients:
            client.awaits_pong = False

    assert {client.pings for client in clients} == {2}
    assert most == 4


@pytest.mark.parametrize(("interval_seconds", "timeout_seconds"), [(25, 20), (10, 10), (1, 1)])
def test_session_ends_when_a_ping_is_not_answered_in_time(interval_seconds: int, timeout_seconds: int) -> None:
    wheel = PingWheel(interval_seconds=interval_seconds, timeout_seconds=timeout_seconds)
    deaf, good = Client(), Client()
    deaf.leaves = wheel
    wheel.add(deaf)
    wheel.add(good)
    turns = 0
    while deaf.ended is None:
        wheel.advance()
        turns += 1
        good.awaits_pong = False
        if turns == deaf.pings == 1:
            turns = 0

    assert deaf.ended == "ping timeout"
    assert deaf.pings == 1
    assert good.ended is None


def test_removed_session_is_not_pinged() -> None:
    wheel, client = PingWheel(interval_seconds=5, timeout_seconds=4), Client()
    wheel.add(client)
    wheel.remove(client)
    for _ in range(20):
        wheel.advance()

    assert client.pings == 0
