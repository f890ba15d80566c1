"""How many clients of one address or identity are subscribed to a list of nodes."""

from collections.abc import Callable

from ws.access.accounts import Account
from ws.access.door import LimitReached
from ws.access.limits import Limits
from ws.counters import Counters


class Subscriptions:
    """By client, whom its subscription is counted for."""

    def __init__(self, limits: Limits, counters: Counters, accounts_of: Callable[[str], tuple[Account, ...]]) -> None:
        """``accounts_of`` takes the id of a client of ``/monitoring``."""
        self._limit = limits.subscriptions
        self._counters = counters
        self._accounts_of = accounts_of
        self._held: dict[str, tuple[Account, ...]] = {}

    def begin(self, sid: str) -> None:
        """Count a client; one that is counted already is not counted again.

        Raises:
            LimitReached: its address or identity has as many as it may.
        """
        if sid in self._held:
            return
        accounts = self._accounts_of(sid)
        if any(account.subscriptions >= self._limit for account in accounts):
            self._counters.limited["subscriptions"] += 1
            text = (
                f"There are {self._limit} subscriptions to lists of nodes from there already, as many as there may be."
            )
            raise LimitReached("subscriptions", text)
        for account in accounts:
            account.subscriptions += 1
        self._held[sid] = accounts

    def end(self, sid: str) -> None:
        """Count the client no more."""
        for account in self._held.pop(sid, ()):
            account.subscriptions -= 1
