"""The collector's loop: keep the lease, and publish a round in every interval; no failure of Redis stops the loop."""

import asyncio
import logging
import os
import random
import secrets
import socket
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, get_args

from collector.alerts.evaluate import CurrentTime
from collector.alerts.message import decode_previous, restore_alerts, restore_flap_damping
from collector.alerts.rules import RulesFile
from collector.config import Config
from collector.fleet import Fleet
from collector.history import HistoryRecorder, writing_seconds
from collector.metrics import (
    ALERTS_FIRING,
    DEGRADED,
    LAST_PUBLISHED,
    LEADING,
    PUBLICATIONS,
    QUEUED_ENTRIES,
    REDIS_RECONNECTS,
    REDIS_UP,
    ROUNDS,
    ROUNDS_MISSED,
)
from collector.missed_rounds import MissedRounds
from collector.redis_client import RedisClient
from collector.rounds import Rounds
from collector.sentences.issues import history_refused, rounds_missed
from collector.stopping import run_until
from contract.messages import Coded, Severity, Snapshot
from contract.names import INCIDENTS_LENGTH_WHEN_FULL
from contract.scripts import Lease, LeaseReply, Publication, PublishOutcome
from runtime.logs import RateLimitedLog
from runtime.quoting import quoted
from runtime.readiness import Readiness
from runtime.redis_failures import FunctionsMissing, RedisFailure

_log = logging.getLogger(__name__)
#: Seconds between two requests for the lease of another collector, and between two attempts to reach Redis.
RETRY_SECONDS: Final = 1.0
#: Seconds that a round may still take after the stop, and timeout of releasing the lease. With
#: ``history.FINISH_SECONDS``, a collector releases its lease within 3 s, even if Redis does not answer.
ROUND_END_SECONDS: Final = 1.0
RELEASE_SECONDS: Final = 1.0
#: Longest time, in seconds, between two checks of the files. With short intervals there are four checks in an interval,
#: so that an edit takes effect within two rounds.
FILES_SECONDS: Final = 5.0


class ClusterMismatch(Exception):
    """Redis serves another cluster; the text names the solution."""


class Collector:
    """Publishes the state of ``fleet`` while it holds the lease, otherwise requests the lease."""

    def __init__(
        self,
        config: Config,
        redis: RedisClient,
        fleet: Fleet,
        rules: RulesFile,
        readiness: Readiness,
        degradations: Callable[[], Sequence[Coded]] = tuple,
        notes: Callable[[], Sequence[Coded]] = tuple,
    ) -> None:
        """``degradations``: of Redis, its disk and the replicas; ``notes``: further issues for health."""
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.lease = Lease(name, config.cluster, config.interval_seconds)
        #: Monotonic time of the loop's last start.
        self.last_loop = time.monotonic()
        self._redis = redis
        self._fleet = fleet
        self._rules = rules
        self._readiness = readiness
        self._degradations = degradations
        self._notes = notes
        self._recorder = HistoryRecorder(redis)
        self._rounds: Rounds | None = None
        self._is_epoch_lost = False
        self._last_epoch = 0
        self._has_been_answered = False
        self._limited_log = RateLimitedLog(_log)
        self._missed_rounds = MissedRounds(config.interval_seconds)
        ROUNDS_MISSED.callback = lambda: self._missed_rounds.missed

    async def run(self, stop: asyncio.Event) -> None:
        """Run rounds until ``stop``, then release the lease.

        Raises:
            ClusterMismatch: at the start, another cluster's collector holds the lease.
        """
        await self._fleet.start(stop)
        try:
            await run_until(stop, self._run_rounds(stop), grace_seconds=ROUND_END_SECONDS)
        finally:
            await self._release()

    async def _run_rounds(self, stop: asyncio.Event) -> None:
        interval = self.lease.interval_seconds
        due = time.monotonic()
        while not stop.is_set():
            self.last_loop = time.monotonic()
            retry = RETRY_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 (spreads retries, protects nothing)
            try:
                is_published = await self.run_round()
            except ClusterMismatch:
                raise
            except RedisFailure as error:
                self._note_failure(error)
                is_published = False
            except Exception:
                self._limited_log.warning("round", "a round failed: %s", traceback.format_exc())
                is_published = False
            now = time.monotonic()
            due = now + interval - (now - due) % interval
            await _wait(stop, min(due - now, interval if is_published else retry))

    async def watch_files(self) -> None:
        """Follow changes of the targets and of the rules file, without end."""
        while True:
            await asyncio.sleep(min(self.lease.interval_seconds / 4, FILES_SECONDS))
            try:
                await self._fleet.refresh()
                await self._rules.refresh()
            except Exception:
                self._limited_log.warning("files", "a check of the files failed: %s", traceback.format_exc())

    async def run_round(self) -> bool:
        """Make a round, or request the lease; return whether a round was published."""
        ROUNDS.inc()
        if self._rounds is None:
            self._rounds = await self._take_over()
            if self._rounds is None:
                return False
        outcome: PublishOutcome = "lost"
        if not self._is_epoch_lost:
            outcome = await self._publish(self._rounds)
        if outcome == "lost":
            # Stays set until the renewal succeeds: a request without an answer may have changed the epoch.
            self._is_epoch_lost = True
            outcome = await self._publish(self._rounds) if await self._renew(self._rounds) else "fenced"
        if outcome == "fenced":
            _log.warning("another collector has taken over; this collector is on standby")
            self._rounds, self._is_epoch_lost = None, False
            self._recorder.forget()
            self._missed_rounds.note_standby()
            ALERTS_FIRING.clear()
            DEGRADED.clear()
            LEADING.set(0)
        if self._rounds is None or outcome != "published":
            return False
        elapsed = time.monotonic() - self.last_loop
        await self._recorder.write(self._rounds.epoch, writing_seconds(self.lease.interval_seconds, elapsed))
        return True

    async def _publish(self, rounds: Rounds) -> PublishOutcome:
        now = _now()
        state = self._fleet.state(self._rules)
        state = replace(state, problems=[*state.problems, *self._notes()])
        publication = rounds.next_round(state, now, self._degraded())
        if self._recorder.is_full:
            # If memory is full, history is refused first, then old incidents; live data and the log never.
            publication = replace(publication, incidents_length=INCIDENTS_LENGTH_WHEN_FULL)
        try:
            return await self._send(publication, rounds)
        finally:
            # After publishing, since adding takes time. A round that Redis did not accept is part of history, too.
            # Dropped, so that the snapshots of two rounds are never in memory at the same time.
            snapshot, rounds.snapshot = rounds.snapshot, None
            if snapshot is not None:
                await self._recorder.add(snapshot, now, state.observations)

    def _degraded(self) -> list[Coded]:
        """Return the known degradations of the product, and update their metric."""
        found = [*self._degradations()]
        if self._recorder.is_full:
            found.append(history_refused())
        if self._missed_rounds.is_slow:
            found.append(rounds_missed(self.lease.interval_seconds))
        DEGRADED.clear()
        for each in found:
            DEGRADED.labels(each.code).set(1)
        return found

    async def _send(self, publication: Publication, rounds: Rounds) -> PublishOutcome:
        QUEUED_ENTRIES.set(len(rounds.log.queue))
        try:
            outcome = await self._redis.publish(publication)
        except RedisFailure:
            PUBLICATIONS.labels("failed").inc()
            raise
        self._note_answer()
        PUBLICATIONS.labels(outcome).inc()
        if outcome == "published":
            rounds.confirm()
            QUEUED_ENTRIES.set(0)
            self._note_published(rounds)
        return outcome

    def _note_published(self, rounds: Rounds) -> None:
        self._missed_rounds.note_published()
        LAST_PUBLISHED.value = time.time()
        firing = Counter(alert.severity for alert in rounds.alerts.values() if alert.state == "firing")
        for severity in get_args(Severity):
            ALERTS_FIRING.labels(severity).set(firing[severity])

    async def _take_over(self) -> Rounds | None:
        """Request the lease; if it is granted, continue from the previous collector's state."""
        answer = await self._request_lease()
        if answer.outcome != "taken":
            return None
        previous = await self._redis.read_previous_state()
        now = _now()
        self._fleet.restore(previous.metrics)
        self._recorder.take_over(decode_previous(previous.metrics, Snapshot))
        alerts = restore_alerts(previous.alerts, now)
        LEADING.set(1)
        _log.info("this collector now publishes (epoch %d); it took over %d alerts", answer.epoch, len(alerts))
        damping = restore_flap_damping(previous.alerts, alerts, now)
        return Rounds(
            self.lease,
            epoch=answer.epoch,
            position=previous.position,
            alerts=alerts,
            targets_path=self._fleet.path,
            now=now,
            damping=damping,
        )

    async def _renew(self, rounds: Rounds) -> bool:
        """Request the lease again after Redis lost it; return whether Redis granted it."""
        answer = await self._request_lease()
        if answer.outcome != "taken":
            return False
        position = None if answer.log_is_empty else (await self._redis.read_previous_state()).position
        _log.warning("Redis lost its data; continuing in epoch %d", answer.epoch)
        rounds.renew(epoch=answer.epoch, position=position, now=_now())
        self._is_epoch_lost = False
        return True

    async def _request_lease(self) -> LeaseReply:
        answer = await self._redis.take_lease(self.lease, self._last_epoch)
        self._note_answer()
        if answer.outcome == "foreign" and not self._has_been_answered:
            raise ClusterMismatch(
                f"this Redis serves the cluster {quoted(answer.holder_cluster)} (its collector is {answer.holder}), "
                f"not {quoted(self.lease.cluster)}. One Redis serves one cluster: set "
                f"CLUSTER_NAME={answer.holder_cluster}, or set REDIS_URL to another Redis for this cluster."
            )
        self._has_been_answered = True
        if answer.outcome == "taken":
            self._last_epoch = answer.epoch
        else:
            self._limited_log.warning(
                "held", "the collector %s of %s holds the lease; waiting", answer.holder, answer.holder_cluster
            )
        return answer

    def _note_answer(self) -> None:
        REDIS_UP.set(1)
        was_up_before = self._has_been_answered
        if self._readiness.redis_up():
            _log.info("Redis answers")
            if was_up_before:
                REDIS_RECONNECTS.inc()
        if self._readiness.note_functions():
            _log.info("Redis has the functions")

    def _note_failure(self, error: RedisFailure) -> None:
        if isinstance(error, FunctionsMissing):
            REDIS_UP.set(1)
            self._readiness.note_functions_missing(str(error))
            self._limited_log.warning("functions", "cannot publish, will retry: %s", error)
            return
        REDIS_UP.set(0)
        self._readiness.redis_down()
        self._limited_log.warning("redis", "Redis does not answer, retrying: %s", error)

    async def _release(self) -> None:
        if self._rounds is None:
            return
        await self._recorder.finish(self._rounds.epoch)
        try:
            await self._redis.release_lease(self.lease, RELEASE_SECONDS)
        except RedisFailure as error:
            _log.info("cannot release the lease, it will expire: %s", error)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def _now() -> CurrentTime:
    return CurrentTime(time.monotonic(), time.time())
