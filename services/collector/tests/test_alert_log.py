from dataclasses import replace

import pytest

from collector.alerts.evaluate import evaluate
from collector.alerts.log import MESSAGE_BYTES, MESSAGE_ENTRIES, AlertLogWriter
from collector.alerts.rules import parse_rules
from collector.sentences.failures import connection_refused
from collector.sentences.sentence import RestoredText
from contract.codec import encode
from contract.messages import Incident
from contract.names import ALERT_LOG_LENGTH

NOW = "2026-11-23T09:41:07.120Z"
RULES = parse_rules("node_down: {for_seconds: 0}")


@pytest.fixture
def transitions(offline, at):
    """Make ``count`` transitions."""
    return lambda count: evaluate({}, RULES, [offline(f"n{number}") for number in range(count)], at(0))[1]


def ids(log):
    return [entry.id for entry in log.queue]


def test_log_begins_with_a_first_entry_when_it_is_empty():
    log = AlertLogWriter(epoch=7, position=None, now=NOW)

    assert [(entry.id, entry.transition, entry.message) for entry in log.queue] == [
        ("7-1", "started", "the alert log starts here")
    ]
    assert log.for_message() == (None, tuple(log.queue))
    assert log.last_id == "7-1"


def test_log_continues_after_the_newest_entry_when_it_is_not_empty(transitions):
    log = AlertLogWriter(epoch=7, position="6-99", now=NOW)
    assert (ids(log), log.last_id) == ([], "6-99")

    log.add(transitions(2), NOW)

    assert ids(log) == ["7-1", "7-2"]
    assert log.for_message()[0] == "6-99"
    log.confirm()
    assert (ids(log), log.position, log.last_id) == ([], "7-2", "7-2")
    log.add(transitions(1), NOW)
    assert (ids(log), log.for_message()[0]) == (["7-3"], "7-2")


def test_entries_keep_their_ids_when_they_are_not_confirmed(transitions):
    log = AlertLogWriter(epoch=7, position="6-9", now=NOW)
    log.add(transitions(1), NOW)
    log.add(transitions(1), NOW)

    assert ids(log) == ["7-1", "7-2"]
    assert log.for_message()[0] == "6-9"


@pytest.mark.parametrize(("position", "expected"), [(None, ["9-1", "9-2", "9-3"]), ("8-5", ["9-1", "9-2"])])
def test_waiting_entries_get_new_ids_when_the_epoch_is_new(transitions, position, expected):
    log = AlertLogWriter(epoch=7, position=None, now=NOW)
    log.add(transitions(2), NOW)
    nodes = [entry.node for entry in log.queue]

    log.renew(epoch=9, position=position, now=NOW)

    assert ids(log) == expected
    assert [entry.node for entry in log.queue][-2:] == nodes[-2:]
    assert [entry.transition for entry in log.queue].count("started") == (position is None)


@pytest.fixture
def endings(offline, online, at):
    """Make the transitions that end ``count`` alerts, which had fired or not."""

    def make(count, fired=True):
        rules = RULES if fired else parse_rules("node_down: {for_seconds: 60}")
        nodes = [f"n{number}" for number in range(count)]
        alerts, _ = evaluate({}, rules, map(offline, nodes), at(0))
        return evaluate(alerts, rules, map(online, nodes), at(4))[1]

    return make


def test_queue_has_an_incident_for_the_entry_that_ends_a_fired_alert(endings):
    log = AlertLogWriter(epoch=7, position="6-9", now=NOW)
    log.add(endings(1), NOW)

    [(entry_id, incident)] = log.incidents.items()
    assert [(entry.id, entry.transition, entry.message) for entry in log.queue] == [
        (entry_id, "resolved", "n0 is online again")
    ]
    assert incident == Incident(
        id="node_down/n0@2026-11-23T09:40:00.000Z",
        alert_id="node_down/n0",
        rule="node_down",
        node="n0",
        severity="warning",
        began="2026-11-23T09:40:00.000Z",
        ended=NOW,
        peak=None,
        message="n0 is offline: connection refused",
        code="node_offline",
        args={"node": "n0", "why": connection_refused()},
    )
    log.confirm()
    assert log.incidents == {}


def test_alert_that_never_fired_is_no_incident(transitions, endings):
    log = AlertLogWriter(epoch=7, position="6-9", now=NOW)
    log.add([*transitions(1), *endings(1, fired=False)], NOW)

    assert (len(log.queue), log.incidents) == (2, {})


def test_queued_incidents_follow_their_entries_when_the_epoch_is_new(endings):
    log = AlertLogWriter(epoch=7, position="6-9", now=NOW)
    log.add(endings(2), NOW)

    log.renew(epoch=9, position=None, now=NOW)

    assert {entry_id: incident.node for entry_id, incident in log.incidents.items()} == {"9-2": "n0", "9-3": "n1"}


def test_incidents_are_dropped_with_their_entries_when_redis_stays_unavailable(endings, transitions):
    log = AlertLogWriter(epoch=7, position="6-9", now=NOW)
    log.add(endings(2), NOW)
    log.add(transitions(ALERT_LOG_LENGTH - 1), NOW)

    assert list(log.incidents) == ["7-2"]


def test_message_has_the_newest_entries_when_very_many_are_queued(transitions):
    log = AlertLogWriter(epoch=7, position="6-9", now=NOW)
    log.add(transitions(MESSAGE_ENTRIES + 5), NOW)

    previous, entries = log.for_message()

    assert previous == "7-5"
    assert (entries[0].id, entries[-1].id) == ("7-6", f"7-{MESSAGE_ENTRIES + 5}")


def test_message_has_fewer_entries_when_they_are_long(transitions):
    log = AlertLogWriter(epoch=7, position="6-9", now=NOW)
    log.add(
        [
            replace(transition, alert=replace(transition.alert, text=RestoredText("x" * 10_000, None)))
            for transition in transitions(200)
        ],
        NOW,
    )

    previous, entries = log.for_message()

    assert len(encode(entries)) < MESSAGE_BYTES
    assert (previous, entries[-1].id) == (f"7-{200 - len(entries)}", "7-200")
    assert len(entries) > 70


def test_queue_is_no_longer_than_the_log_when_redis_stays_unavailable(transitions):
    log = AlertLogWriter(epoch=7, position="6-9", now=NOW)
    log.add(transitions(ALERT_LOG_LENGTH), NOW)
    log.add(transitions(3), NOW)

    assert len(log.queue) == ALERT_LOG_LENGTH
    assert (ids(log)[0], log.last_id) == ("7-4", f"7-{ALERT_LOG_LENGTH + 3}")
