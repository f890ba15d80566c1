import json
from pathlib import Path

import msgspec
import pytest

from contract.codec import UndecodableMessage, encode
from contract.names import ALERTS_CHANNEL, CHANNELS, HEALTH_CHANNEL, MESSAGE_LIMIT_BYTES, METRICS_CHANNEL
from tests.drivers.publisher import message
from ws.alert_log import Gap, StoredEntry
from ws.state import ClusterState, MessageOutcome, ReceivedMessage, StoredMessage, receive

GOLDEN = Path(__file__).parents[3] / "contract" / "golden" / "messages"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> ClusterState:
    return ClusterState(clock)


def snapshot(seq: int, epoch: int = 7, **changes: object) -> bytes:
    return message(METRICS_CHANNEL, epoch=epoch, seq=seq, **changes)


def apply(
    state: ClusterState, channel: str, raw: bytes, stored: bytes | None = None, age: float | None = None
) -> MessageOutcome:
    received = receive(channel, raw)
    return state.apply(received, StoredMessage(stored, age) if state.needs_latest(received) else None)


# The two checks


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"1", b'{"x":NaN}', b'{"x":Infinity}', b"\xff", b'{"x":"\xff"}', b"[" * 100_000),
        b'{"x":"' + b"a" * MESSAGE_LIMIT_BYTES + b'"}',
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_message_is_dropped_when_it_is_not_a_json_object(raw: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        receive(METRICS_CHANNEL, raw)


@pytest.mark.parametrize("channel", CHANNELS)
def test_message_is_only_passed_on_when_it_is_not_of_its_channels_type(state: ClusterState, channel: str) -> None:
    raw = b'{ "b":1.0, "a":1e999, "a":2 }'

    outcome = apply(state, channel, raw)

    assert outcome == MessageOutcome(channel, "passed_on", published=raw, state=None)
    assert state.raw(channel) is None


def test_message_has_the_reason_when_it_is_only_passed_on() -> None:
    received = receive(HEALTH_CHANNEL, b'{"v":2}')

    assert received.message is None
    assert "$.v" in received.reason or "Invalid enum value" in received.reason


@pytest.mark.parametrize("channel", [METRICS_CHANNEL, HEALTH_CHANNEL])
def test_message_becomes_state_unchanged_when_nothing_is_stored(state: ClusterState, channel: str) -> None:
    raw = b" " + message(channel, unknown_field=1.0)

    outcome = apply(state, channel, raw, stored=None)

    assert outcome == MessageOutcome(channel, "state", published=raw, state=raw)
    assert state.raw(channel) == raw


def test_first_alerts_are_sent_without_entries(state: ClusterState) -> None:
    raw = message(ALERTS_CHANNEL)

    outcome = apply(state, ALERTS_CHANNEL, raw, stored=raw)

    assert outcome.state is not None
    shown, published = json.loads(outcome.state), json.loads(raw)
    assert shown == {**published, "entries": [], "previous_alert_id": published["last_alert_id"]}


# Metrics: snapshots that follow directly


def test_snapshot_becomes_state_without_latest_when_it_follows_directly(state: ClusterState) -> None:
    apply(state, METRICS_CHANNEL, snapshot(1))

    received = receive(METRICS_CHANNEL, snapshot(2))

    assert not state.needs_latest(received)
    assert state.apply(received, None).kind == "state"
    assert state.snapshot is not None
    assert state.snapshot.seq == 2


@pytest.mark.parametrize(("epoch", "seq"), [(7, 3), (7, 9), (7, 1), (8, 1), (8, 3), (6, 3)])
def test_stored_snapshot_becomes_state_when_a_message_does_not_follow_directly(
    state: ClusterState, epoch: int, seq: int
) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2 if seq != 3 or epoch != 7 else 1))
    stored = snapshot(77, epoch=9)

    outcome = apply(state, METRICS_CHANNEL, snapshot(seq, epoch=epoch), stored=stored)

    assert outcome == MessageOutcome(METRICS_CHANNEL, "state", published=snapshot(seq, epoch=epoch), state=stored)
    assert state.raw(METRICS_CHANNEL) == stored


def test_state_is_kept_when_a_snapshot_published_by_hand_jumps(state: ClusterState) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2))

    outcome = apply(state, METRICS_CHANNEL, snapshot(999, epoch=99), stored=snapshot(2))

    assert outcome == MessageOutcome(METRICS_CHANNEL, "passed_on", published=snapshot(999, epoch=99), state=None)
    assert apply(state, METRICS_CHANNEL, snapshot(3)).kind == "state"


def test_state_is_corrected_when_a_forged_snapshot_followed_directly(state: ClusterState) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2))
    apply(state, METRICS_CHANNEL, snapshot(3, cluster="forged"))

    outcome = apply(state, METRICS_CHANNEL, snapshot(3), stored=snapshot(3))

    assert outcome.state == snapshot(3)


def test_state_is_kept_when_the_stored_value_is_not_a_snapshot(state: ClusterState) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2))

    outcome = apply(state, METRICS_CHANNEL, snapshot(9), stored=b'{"x":1}')

    assert (outcome.kind, outcome.state) == ("passed_on", None)


def test_message_is_only_passed_on_when_redis_does_not_answer(state: ClusterState) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2))

    outcome = state.apply(receive(METRICS_CHANNEL, snapshot(9)), None)

    assert (outcome.kind, outcome.published, outcome.state) == ("passed_on", snapshot(9), None)


def test_repeated_snapshot_goes_to_all_clients_and_changes_nothing(state: ClusterState, clock: Clock) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2))
    clock.now += 5

    outcome = apply(state, METRICS_CHANNEL, snapshot(2))

    assert outcome == MessageOutcome(METRICS_CHANNEL, "repeated", published=snapshot(2), state=snapshot(2))
    assert state.age_seconds == 5


# Health and alerts: the stored value


@pytest.mark.parametrize("channel", [HEALTH_CHANNEL, ALERTS_CHANNEL])
def test_stored_message_becomes_state_instead_of_the_published_one(state: ClusterState, channel: str) -> None:
    first, log = message(channel, seq=1), {}
    if channel == ALERTS_CHANNEL:
        log = {"previous_alert_id": json.loads(first)["last_alert_id"], "last_alert_id": "1795426867-999"}
    apply(state, channel, first)
    by_hand, stored = message(channel, seq=2, cluster="forged"), message(channel, seq=2, **log)

    outcome = apply(state, channel, by_hand, stored=stored)

    assert outcome == MessageOutcome(channel, "state", published=by_hand, state=stored)


@pytest.mark.parametrize("channel", [HEALTH_CHANNEL, ALERTS_CHANNEL])
def test_repeated_message_goes_only_to_the_clients_of_root(state: ClusterState, channel: str) -> None:
    apply(state, channel, message(channel))

    outcome = apply(state, channel, message(channel))

    assert outcome == MessageOutcome(channel, "repeated", published=message(channel), state=None)


# The stored value is ahead of the channel


FIRST, SECOND, THIRD = (message(HEALTH_CHANNEL, seq=seq) for seq in (1, 2, 3))


@pytest.fixture
def ahead(state: ClusterState) -> MessageOutcome:
    """The outcome of the second message when the third was already stored."""
    apply(state, HEALTH_CHANNEL, FIRST, stored=FIRST)
    return apply(state, HEALTH_CHANNEL, SECOND, stored=THIRD)


def test_state_from_latest_is_sent_once_when_its_message_arrives_later(
    state: ClusterState, ahead: MessageOutcome
) -> None:
    arrival = apply(state, HEALTH_CHANNEL, THIRD, stored=THIRD)

    assert ahead == MessageOutcome(HEALTH_CHANNEL, "state", published=SECOND, state=THIRD)
    assert arrival == MessageOutcome(HEALTH_CHANNEL, "state", published=THIRD, state=None)


def test_overtaken_snapshots_are_only_passed_on_and_the_next_becomes_state(state: ClusterState) -> None:
    first = apply(state, METRICS_CHANNEL, snapshot(1), stored=snapshot(4))
    for seq in (2, 3):
        assert not state.needs_latest(receive(METRICS_CHANNEL, snapshot(seq)))
    steps = [apply(state, METRICS_CHANNEL, snapshot(seq), stored=snapshot(9)) for seq in (2, 3, 4, 5)]

    assert first.state == snapshot(4)
    assert [outcome.state for outcome in steps] == [None, None, None, snapshot(5)]


@pytest.mark.parametrize("by_hand", [[3, 4, 5, 6], [2**40]], ids=["consecutive", "far ahead"])
@pytest.mark.parametrize("known", [2, None], ids=["with state", "without state"])
def test_snapshots_published_by_hand_do_not_block_those_of_the_collector(
    state: ClusterState, by_hand: list[int], known: int | None
) -> None:
    if known is not None:
        apply(state, METRICS_CHANNEL, snapshot(known), stored=snapshot(known))
    for seq in by_hand:
        apply(
            state, METRICS_CHANNEL, snapshot(seq, cluster="forged"), stored=None if known is None else snapshot(known)
        )

    outcome = apply(state, METRICS_CHANNEL, snapshot(3), stored=snapshot(3))

    assert outcome.state == snapshot(3)
    assert state.raw(METRICS_CHANNEL) == snapshot(3)


@pytest.mark.usefixtures("ahead")
def test_new_client_of_root_gets_the_last_arrived_message_when_the_state_is_ahead(state: ClusterState) -> None:
    before = state.arrived()
    apply(state, HEALTH_CHANNEL, THIRD)

    assert before == [(HEALTH_CHANNEL, SECOND)]
    assert state.arrived() == [(HEALTH_CHANNEL, THIRD)]


@pytest.mark.usefixtures("ahead")
def test_new_client_of_root_gets_no_forged_jump_when_the_state_is_ahead(state: ClusterState) -> None:
    apply(state, HEALTH_CHANNEL, message(HEALTH_CHANNEL, seq=999), stored=THIRD)

    assert state.arrived() == [(HEALTH_CHANNEL, SECOND)]


def test_new_client_of_root_gets_no_message_that_was_published_by_hand(state: ClusterState) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2))
    apply(state, METRICS_CHANNEL, snapshot(999), stored=snapshot(2))
    apply(state, METRICS_CHANNEL, b'{"x":1}')

    assert state.arrived() == [(METRICS_CHANNEL, snapshot(2))]


# After a connection to Redis


@pytest.mark.parametrize("seq", [1, 3, 99])
def test_stored_message_is_sent_after_a_connection_when_it_differs(state: ClusterState, seq: int) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2))

    outcome = state.catch_up(METRICS_CHANNEL, StoredMessage(snapshot(seq), 3.0))

    assert outcome == MessageOutcome(METRICS_CHANNEL, "state", published=snapshot(seq), state=snapshot(seq))
    assert state.arrived() == [(METRICS_CHANNEL, snapshot(seq))]
    assert state.age_seconds == 3


def test_nothing_is_sent_after_a_connection_when_the_stored_message_is_the_state(
    state: ClusterState, clock: Clock
) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2))
    clock.now += 60

    assert state.catch_up(METRICS_CHANNEL, StoredMessage(snapshot(2), 61.0)) is None
    assert state.age_seconds == 61


@pytest.mark.parametrize("stored", [None, b"", b'{"x":1}', b'{"x":NaN}'])
def test_state_is_kept_after_a_connection_when_no_valid_message_is_stored(
    state: ClusterState, clock: Clock, stored: bytes | None
) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2))
    clock.now += 60

    assert state.catch_up(METRICS_CHANNEL, StoredMessage(stored)) is None
    assert state.raw(METRICS_CHANNEL) == snapshot(2)
    assert state.age_seconds == 60


def test_new_epoch_becomes_state_when_redis_was_emptied(state: ClusterState) -> None:
    apply(state, METRICS_CHANNEL, snapshot(200))
    state.catch_up(METRICS_CHANNEL, StoredMessage(None))

    outcome = apply(state, METRICS_CHANNEL, snapshot(1, epoch=8), stored=snapshot(1, epoch=8))

    assert outcome.state == snapshot(1, epoch=8)


# Age


def test_age_is_the_age_in_redis_when_the_snapshot_was_read_there(state: ClusterState, clock: Clock) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2), stored=snapshot(2), age=40.0)
    clock.now += 2

    assert state.age_seconds == 42


def test_age_starts_again_when_a_snapshot_follows(state: ClusterState, clock: Clock) -> None:
    apply(state, METRICS_CHANNEL, snapshot(2), stored=snapshot(2), age=40.0)
    clock.now += 2
    apply(state, METRICS_CHANNEL, snapshot(3))

    assert state.age_seconds == 0


def test_age_is_unknown_when_there_is_no_snapshot(state: ClusterState) -> None:
    apply(state, HEALTH_CHANNEL, message(HEALTH_CHANNEL))

    assert state.age_seconds is None


# Alerts


def test_position_in_the_log_is_that_of_the_newest_alerts(state: ClusterState) -> None:
    assert state.last_alert_id is None

    apply(state, ALERTS_CHANNEL, message(ALERTS_CHANNEL, last_alert_id="7-12"))

    assert state.last_alert_id == "7-12"


def test_alerts_without_entries_stand_at_the_position_after_them(state: ClusterState) -> None:
    apply(state, ALERTS_CHANNEL, message(ALERTS_CHANNEL, last_alert_id="7-12", seq=1))
    assert state.alerts_without_entries() is not None
    apply(state, ALERTS_CHANNEL, message(ALERTS_CHANNEL, last_alert_id="7-13", seq=2))

    bare = json.loads(state.alerts_without_entries() or b"")

    whole = json.loads(message(ALERTS_CHANNEL, last_alert_id="7-13", seq=2))
    assert bare == whole | {"entries": [], "previous_alert_id": "7-13"}


def test_received_message_keeps_its_bytes() -> None:
    raw = message(METRICS_CHANNEL)

    received = receive(METRICS_CHANNEL, raw)

    assert isinstance(received, ReceivedMessage)
    assert received.raw is raw


def logged(*positions: str) -> list[dict[str, object]]:
    content = json.loads((GOLDEN / "log_entry.json").read_bytes())
    return [content | {"id": position} for position in positions]


def alerts(seq: int, before: str | None, *positions: str) -> bytes:
    """Return alerts whose entries lie between two positions of the log."""
    log = {"previous_alert_id": before, "last_alert_id": positions[-1] if positions else before}
    return message(ALERTS_CHANNEL, seq=seq, entries=logged(*positions), **log)


def test_alerts_are_sent_unchanged_when_they_follow_directly(state: ClusterState) -> None:
    apply(state, ALERTS_CHANNEL, alerts(1, None, "7-1"))
    raw = alerts(2, "7-1", "7-2", "7-3")

    assert state.gap(receive(ALERTS_CHANNEL, raw), StoredMessage(raw)) is None
    assert apply(state, ALERTS_CHANNEL, raw, stored=raw).state == raw


def test_alerts_are_sent_with_the_missed_entries(state: ClusterState) -> None:
    apply(state, ALERTS_CHANNEL, alerts(1, None, "7-1"))
    raw, missed = alerts(4, "7-3", "7-4"), logged("7-2", "7-3", "7-4")
    received = receive(ALERTS_CHANNEL, raw)
    read = tuple(StoredEntry(entry["id"], msgspec.Raw(encode(entry))) for entry in missed)

    assert state.gap(received, StoredMessage(raw)) == Gap("7-1", "7-4")
    outcome = state.apply(received, StoredMessage(raw), read)

    shown = json.loads(outcome.state or b"")
    assert shown == json.loads(raw) | {"entries": missed, "previous_alert_id": "7-1"}


@pytest.mark.parametrize("how", ["take", "catch up"])
def test_alerts_are_sent_without_entries_when_the_missed_entries_are_unknown(state: ClusterState, how: str) -> None:
    apply(state, ALERTS_CHANNEL, alerts(1, None, "7-1"))
    raw = alerts(4, "7-3", "7-4")

    if how == "take":
        outcome = state.apply(receive(ALERTS_CHANNEL, raw), StoredMessage(raw), None)
    else:
        assert state.gap_to(StoredMessage(raw)) == Gap("7-1", "7-4")
        outcome = state.catch_up(ALERTS_CHANNEL, StoredMessage(raw), None) or pytest.fail("nothing")

    shown = json.loads(outcome.state or b"")
    assert shown == json.loads(raw) | {"entries": [], "previous_alert_id": "7-4"}
    assert state.last_alert_id == "7-4"


def test_known_entries_are_not_sent_again(state: ClusterState) -> None:
    apply(state, ALERTS_CHANNEL, alerts(1, None, "7-1", "7-2"))

    outcome = apply(state, ALERTS_CHANNEL, alerts(2, "7-1", "7-2"), stored=alerts(2, "7-1", "7-2"))

    assert json.loads(outcome.state or b"")["entries"] == []
