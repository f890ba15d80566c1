import pytest

from ws.budget import Budget
from ws.engine.outbox import LOG_LIMIT_BYTES, Outbox, Overflow
from ws.event import EnginePacket


def state(text: str, slot: str = "metrics", **how: object) -> EnginePacket:
    return EnginePacket(text.encode(), slot, **how)  # type: ignore[arg-type]


def taken(outbox: Outbox) -> list[str]:
    return [outbox.take().text.decode() for _ in range(len(outbox))]


def test_only_the_newest_state_of_a_slot_waits_and_all_log_packets() -> None:
    outbox = Outbox(Budget(1 << 30))
    for text in ("l1", "m1", "h1", "l2", "m2", "h2"):
        outbox.put(EnginePacket(text.encode(), {"m": "metrics", "h": "health"}.get(text[0])))

    assert taken(outbox) == ["l1", "l2", "m2", "h2"]


def test_put_returns_the_number_of_replaced_states() -> None:
    outbox = Outbox(Budget(1 << 30))

    packets = (state("m1"), EnginePacket(b"l"), state("m2"), state("h", "health"))
    assert [outbox.put(packet) for packet in packets] == [0, 0, 1, 0]


def test_packet_after_a_missed_one_is_replaced_by_its_replacement() -> None:
    outbox = Outbox(Budget(1 << 30))
    asked = []

    def whole() -> EnginePacket:
        asked.append(1)
        return state("whole")

    outbox.put(state("delta 1", replacement=whole))
    assert asked == []
    outbox.put(state("delta 2", replacement=whole))

    assert taken(outbox) == ["whole"]
    outbox.put(state("delta 3", replacement=whole))
    assert taken(outbox) == ["delta 3"]


def test_states_wait_unreplaced_up_to_the_depth() -> None:
    outbox = Outbox(Budget(1 << 30), depth=3)
    for number in range(1, 4):
        assert outbox.put(state(f"m{number}")) == 0

    assert outbox.put(state("m4")) == 3
    assert taken(outbox) == ["m4"]


def test_log_is_bounded() -> None:
    outbox = Outbox(Budget(1 << 30))
    large = EnginePacket(b"l" * (LOG_LIMIT_BYTES + 1))
    outbox.put(large)

    with pytest.raises(Overflow):
        outbox.put(EnginePacket(b"l"))
    outbox.put(state("m"))
    outbox.take()

    outbox.put(EnginePacket(b"l"))
    assert taken(outbox) == ["m", "l"]


def test_outbox_overflows_when_the_shared_budget_is_spent() -> None:
    budget = Budget(100)
    one, other = Outbox(budget), Outbox(budget)
    one.put(EnginePacket(b"l" * 101))

    with pytest.raises(Overflow):
        other.put(EnginePacket(b"l"))
    other.put(state("m"))
    one.take()
    other.put(EnginePacket(b"l" * 101))
    with pytest.raises(Overflow):
        one.put(EnginePacket(b"l"))
    other.clear()

    assert (budget.used_bytes, len(other)) == (0, 0)
    one.put(EnginePacket(b"l"))


def broadcast(text: str, clients: int, slot: str = "metrics", **how: object) -> EnginePacket:
    """Return a state with this number of recipients."""
    packet = state(text, slot, **how)
    packet.clients = clients
    return packet


def test_broadcast_counts_as_the_share_of_each_recipient() -> None:
    budget, of_address = Budget(1 << 30), Budget(1 << 30)
    outbox = Outbox(budget, of_address, depth=16)
    outbox.put(broadcast("m" * 1000, clients=1))
    outbox.put(broadcast("m" * 1000, clients=10))
    outbox.put(state("of this client"))

    assert (budget.used_bytes, of_address.used_bytes) == (1100, 1100)
    outbox.take()
    assert budget.used_bytes == 100
    outbox.clear()
    assert (budget.used_bytes, of_address.used_bytes) == (0, 0)


def test_only_the_newest_state_waits_when_a_budget_is_spent() -> None:
    outbox = Outbox(Budget(9999), depth=16)
    for _ in range(2):
        outbox.put(broadcast("m" * 5000, clients=1))

    assert outbox.put(broadcast("newest", clients=1)) == 2
    assert taken(outbox) == ["newest"]


def test_unshared_state_overflows_when_a_budget_is_spent() -> None:
    budget = Budget(100)
    Outbox(budget).put(EnginePacket(b"l" * 101))
    outbox = Outbox(budget, depth=16)

    outbox.put(broadcast("m" * 5000, clients=2))
    outbox.take()
    with pytest.raises(Overflow):
        outbox.put(broadcast("m" * 5000, clients=1))
