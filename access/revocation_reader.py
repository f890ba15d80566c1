"""Reads from Redis what was revoked: all of it once, in pages, and then what is new."""

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

#: Revocations that are asked for at once: an answer of so many takes milliseconds.
PAGE: Final = 1000
_GENERATION_BYTES: Final = 16
_BEFORE_ALL: Final = b"-"

#: Puts one question to Redis: takes what asks, and returns the answer.
Ask = Callable[[Callable[[Redis], Any]], Any]

_logger = logging.getLogger(__name__)


class RevocationReader:
    """Hands all that was revoked to ``revocations``. Safe to use from several threads."""

    def __init__(
        self,
        ask: Ask,
        revocations: Revocations,
        *,
        may_begin: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``may_begin``: whether a store without a generation is given one."""
        self._ask = ask
        self._revocations = revocations
        self._may_begin = may_begin
        self._monotonic = monotonic
        self._complaints = RateLimitedLog(_logger)
        self._reading = threading.Lock()
        #: When the last reading began.
        self._read_at = float("-inf")
        #: Of the store that was read last, and how far: id of an entry of the log, and what ZSCAN goes on from.
        self._generation: bytes | None = None
        self._last = _BEFORE_ALL
        self._cursor = 0
        self._was_scanned = False

    def refresh(self, *, fresh_seconds: float = 0.0, spared_seconds: float = 0.0) -> bool:
        """See that what is known is not older than ``fresh_seconds``, counted from this call.

        One reading serves all who wait for it. Where an older one will do while another thread reads, nobody waits.

        Args:
            fresh_seconds: 0.0 for all that was revoked before this call.
            spared_seconds: how long Redis is left in peace after the last reading began.

        Returns:
            Whether this call read.

        Raises:
            Exception: what asking raised; what had been read by then counts, and is not read again.
        """
        asked_at = self._monotonic()
        if spared_seconds:
            time.sleep(max(0.0, self._read_at + spared_seconds - asked_at))
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

    def take(self, member: bytes, until: float = float("inf")) -> None:
        """Add what was revoked, in words; what cannot be read is told in the log, and passed over."""
        try:
            self._revocations.add(member.decode(), until)
        except ValueError as error:
            self._complaints.warning("member", "a revocation in Redis cannot be read, and is passed over: %s", error)

    def _read(self) -> None:
        while True:
            # In this order: where the store is emptied in between, its log is read anew.
            entries, generation = self._ask(self._next_page)
            if generation is None and self._may_begin:
                self._ask(begin_generation)
            elif generation != self._generation:
                self._generation, self._last, self._cursor, self._was_scanned = generation, _BEFORE_ALL, 0, False
            else:
                for id_, fields in entries:
                    self._take_entry(fields)
                    self._last = b"(" + id_
                if len(entries) < PAGE:
                    break
        self._scan_former()
        self._revocations.finish_loading(None if generation is None else generation.decode(errors="replace"))

    def _next_page(self, client: Redis) -> tuple[list[tuple[bytes, Mapping[bytes, bytes]]], bytes | None]:
        pipeline = client.pipeline(transaction=False)
        pipeline.xrange(REVOCATION_LOG_KEY, self._last, "+", count=PAGE)
        pipeline.get(GENERATION_KEY)
        entries, generation = pipeline.execute()
        return entries, generation

    def _take_entry(self, fields: Mapping[bytes, bytes]) -> None:
        subject, before = fields.get(b"subject", b""), fields.get(b"before", b"")
        try:
            until = float(fields.get(b"until", b""))
        except ValueError:
            until = float("nan")  # what has no end is no revocation
        self.take(subject + b"@" + before if before else subject, until)

    def _scan_former(self) -> None:
        """Read what 0.1.1 revoked, and may revoke beside this release: all once, then a page with each reading."""
        while True:
            self._cursor, members = self._ask(
                lambda client: client.zscan(REVOCATIONS_KEY, cursor=self._cursor, count=PAGE)
            )
            for member, until in members:
                self.take(member, until)
            self._was_scanned = self._was_scanned or self._cursor == 0
            if self._was_scanned:
                return


def begin_generation(client: Redis) -> None:
    """Give one to an empty store, or to one that was emptied: sessions of before are of no use in it."""
    if client.set(GENERATION_KEY, secrets.token_hex(_GENERATION_BYTES), nx=True):
        client.publish(REVOKED_CHANNEL, RENEWED)
