"""Limits the requests of one address and of one identity, and the bytes that one token publishes.

Each process counts on its own, so several processes allow a multiple. The limits keep one client from harming others;
they protect no secret.
"""

import functools
import math
import threading
import time
from collections.abc import Callable
from typing import Final, Literal

from access.bucket import Buckets
from access.grant import Grant
from access.proxies import client_network
from api.access.client_address import address
from api.counters import Counters
from api.language import gettext
from api.problems import RequestRefused
from api.responses import wants_page
from contract.names import MESSAGE_LIMIT_BYTES

#: Largest burst, in seconds of the rate: a page makes a dozen requests.
BURST_SECONDS: Final = 10

#: Size of the cache from address to network.
_CACHE_SIZE: Final = 256

Kind = Literal["address", "identity"]


class RequestLimit:
    """Counts requests. Safe to use from several threads."""

    def __init__(
        self, requests_per_second: int, counters: Counters, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        burst = requests_per_second * BURST_SECONDS
        self._buckets: dict[Kind, Buckets] = {
            "address": Buckets(requests_per_second, burst),
            "identity": Buckets(requests_per_second, burst),
        }
        self._counters = counters
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._network_of = functools.lru_cache(_CACHE_SIZE)(client_network)

    def count_address(self) -> None:
        """Count this request for its address.

        Raises:
            RequestRefused: the address has reached its limit.
        """
        self._count("address", self._network_of(address()))

    def count_identity(self, grant: Grant) -> None:
        """Count this request for the identity of its credential.

        Raises:
            RequestRefused: the identity has reached its limit.
        """
        self._count("identity", grant.identity)

    def _count(self, kind: Kind, key: str) -> None:
        with self._lock:
            wait = self._buckets[kind].take(key, self._monotonic())
        if wait:
            self._counters.limited.labels(kind).inc()
            seconds = math.ceil(wait)
            text = gettext("Too many requests: wait %(seconds)s s.", seconds=seconds)
            raise RequestRefused(
                429, text, "limit_exceeded", headers={"Retry-After": str(seconds)}, as_page=wants_page()
            )


class PublishLimit:
    """Counts the bytes of messages that tokens publish. Safe to use from several threads."""

    def __init__(
        self, bytes_per_second: int, counters: Counters, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        # The longest message is always allowed.
        self._buckets = Buckets(bytes_per_second, max(bytes_per_second * BURST_SECONDS, MESSAGE_LIMIT_BYTES))
        self._counters = counters
        self._monotonic = monotonic
        self._lock = threading.Lock()

    def count(self, grant: Grant, length: int) -> None:
        """Count a message of ``length`` bytes for its token, before the body is read.

        Raises:
            RequestRefused: the token has reached its limit.
        """
        with self._lock:
            wait = self._buckets.take(grant.identity, self._monotonic(), length)
        if wait:
            self._counters.limited.labels("published").inc()
            seconds = math.ceil(wait)
            text = f"This token publishes too many bytes: wait {seconds} s."
            raise RequestRefused(429, text, "limit_exceeded", headers={"Retry-After": str(seconds)})

    def count_after_reading(self, grant: Grant, length: int) -> None:
        """Count the bytes of a message of unknown length, after the body was read."""
        with self._lock:
            self._buckets.spend(grant.identity, self._monotonic(), length)
