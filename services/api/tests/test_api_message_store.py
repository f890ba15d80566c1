"""The message store and the answers of Redis."""

from flask import Flask

from api.app_resources import resources_of
from api.message_store import MessageStore
from api.redis_connection import RedisConnection
from api.tests.conftest import golden
from contract.names import METRICS_CHANNEL


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def store_of(app: Flask, clock: Clock) -> MessageStore:
    resources = resources_of(app)
    connection: RedisConnection = resources.connection
    return MessageStore(connection, resources.readiness, resources.counters, clock)


def test_store_keeps_the_later_read_when_an_earlier_one_is_answered_after_it(app: Flask) -> None:
    store = store_of(app, Clock())
    old = golden("messages/metrics")
    store.remember(METRICS_CHANNEL, old.replace(b"4211", b"4212"), 0.0, asked_at=2.0)
    store.remember(METRICS_CHANNEL, old, 0.0, asked_at=1.0)
    assert store.remembered(METRICS_CHANNEL).stored.tag == "1795426867-4212"


def test_store_increases_the_age_from_the_time_of_the_read(app: Flask) -> None:
    clock = Clock()
    store = store_of(app, clock)
    store.remember(METRICS_CHANNEL, golden("messages/metrics"), 5.0, asked_at=clock.now)
    clock.now += 10
    assert store.remembered(METRICS_CHANNEL).age_seconds == 15.0


def test_store_decodes_once_when_the_same_bytes_are_read_again(app: Flask) -> None:
    store = store_of(app, Clock())
    contents = []
    for asked_at in (1.0, 2.0):
        store.remember(METRICS_CHANNEL, bytes(bytearray(golden("messages/metrics"))), 0.0, asked_at)
        contents.append(store.remembered(METRICS_CHANNEL).stored)
    assert contents[0] is contents[1]
