"""Reads the revocations from Redis: all of them once, in batches, and then the new ones."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from redis import Redis

from access.revocations import Revocations
from contract.names import GENERATION_KEY, RENEWED, REVOCATION_LOG_KEY, REVOCATIONS_KEY, REVOKED_CHANNEL
from runtime.logs import RateLimitedLog

#: Revocations in one reply of Redis, which takes milliseconds.
BATCH_LENGTH: Final = 1000
_GENERATION_BYTES: Final = 16
_LOG_START: Final = b"-"

#: Calls a function with a Redis client and returns its result.
Ask = Callable[[Callable[[Redis], Any]], Any]

_logger = logging.getLogger(__name__)


class RevocationReader:
    """Adds all revocations in Redis to ``revocations``. Thread-safe."""

    def __init__(
        self,
        ask: Ask,
        revocations: Revocations,
        *,
        may_create_generation: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``may_create_generation``: whether this reader gives a generation to a store that has none."""
        self._ask = ask
        self._revocations = revocations
        self._may_create_generation = may_create_generation
        self._monotonic = monotonic
        self._complaints = RateLimitedLog(_logger)
        self._reading = threading.Lock()
        #: Time at which the last read began.
        self._read_at = float("-inf")
        #: Generation of the store that was read last, position in its log, and cursor of ZSCAN.
        self._generation: bytes | None = None
        self._position = _LOG_START
        self._cursor = 0
        self._was_scanned = False

    def refresh(self, *, fresh_seconds: float = 0.0, min_pause_seconds: float = 0.0) -> bool:
        """Read the new revocations unless the last read is at most ``fresh_seconds`` old.

        Threads that wait share one read. With ``fresh_seconds``, a call returns the older state instead of waiting for
        another thread's read.

        Args:
            fresh_seconds: 0.0 to include every revocation made before this call.
            min_pause_seconds: shortest time between the starts of two reads.

        Returns:
            Whether this call read from Redis.

        Raises:
            Exception: any error of ``ask``. Revocations that were read before the error are kept.
        """
        asked_at = self._monotonic()
        if min_pause_seconds:
            time.sleep(max(0.0, self._read_at + min_pause_seconds - asked_at))
        wanted_from = asked_at - fresh_seconds
        if self._revocations.is_loaded and self._read_at > wanted_from:
            return False
        if not self._reading.acquire(blocking=not fresh_seconds or not self._revocations.is_loaded):
            return False
        try:
            if self._read_at > wanted_from:
                return False
            self._read_at = self._monotonic()
            self._read()
            return True
        finally:
            self._reading.release()

    def add(self, member: bytes, until: float = float("inf")) -> None:
        """Add a revocation in its text form; skip an invalid one and log it."""
        try:
            self._revocations.add(member.decode(), until)
        except ValueError as error:
            self._complaints.warning("member", "skipped an invalid revocation in Redis: %s", error)

    def _read(self) -> None:
        while True:
            # The log first, then the generation: if the store is emptied in between, its log is read again.
            entries, generation = self._ask(self._next_batch)
            if generation is None and self._may_create_generation:
                self._ask(create_generation)
            elif generation != self._generation:
                self._generation, self._position, self._cursor, self._was_scanned = generation, _LOG_START, 0, False
            else:
                for id_, fields in entries:
                    self._add_entry(fields)
                    self._position = b"(" + id_
                if len(entries) < BATCH_LENGTH:
                    break
        self._scan_sorted_set()
        self._revocations.finish_loading(None if generation is None else generation.decode(errors="replace"))

    def _next_batch(self, client: Redis) -> tuple[list[tuple[bytes, Mapping[bytes, bytes]]], bytes | None]:
        pipeline = client.pipeline(transaction=False)
        pipeline.xrange(REVOCATION_LOG_KEY, self._position, "+", count=BATCH_LENGTH)
        pipeline.get(GENERATION_KEY)
        entries, generation = pipeline.execute()
        return entries, generation

    def _add_entry(self, fields: Mapping[bytes, bytes]) -> None:
        subject, before = fields.get(b"subject", b""), fields.get(b"before", b"")
        try:
            until = float(fields.get(b"until", b""))
        except ValueError:
            until = float("nan")  # a revocation without an end is invalid
        self.add(subject + b"@" + before if before else subject, until)

    def _scan_sorted_set(self) -> None:
        """Read the revocations of release 0.1.1, which may run beside this one: all once, then one batch per read."""
        while True:
            self._cursor, members = self._ask(
                lambda client: client.zscan(REVOCATIONS_KEY, cursor=self._cursor, count=BATCH_LENGTH)
            )
            for member, until in members:
                self.add(member, until)
            self._was_scanned = self._was_scanned or self._cursor == 0
            if self._was_scanned:
                return


def create_generation(client: Redis) -> None:
    """Create a generation in an empty store. Sessions of an earlier generation become invalid."""
    if client.set(GENERATION_KEY, secrets.token_hex(_GENERATION_BYTES), nx=True):
        client.publish(REVOKED_CHANNEL, RENEWED)
