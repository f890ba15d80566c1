"""Answers that wait for slow readers: they are kept whole, so their bytes are bounded, in all and for each address."""

from collections import Counter
from typing import Final

#: Bytes of answers that are kept for all clients, and for those of one address.
UNREAD_BYTES: Final = 192 * 1024 * 1024
OF_ONE_ADDRESS_BYTES: Final = 64 * 1024 * 1024


class Unread:
    """Counts bytes by address. Nothing here lets another greenlet run."""

    def __init__(self, limit_bytes: int = UNREAD_BYTES, of_one_address_bytes: int = OF_ONE_ADDRESS_BYTES) -> None:
        self._limit_bytes: Final = limit_bytes
        self._of_one_address_bytes: Final = of_one_address_bytes
        self._of_address: Counter[str] = Counter()
        self._all_bytes = 0

    def admit(self, address: str, length: int) -> bool:
        """Count an answer; return ``False``, and do not count it, where too much waits already.

        One answer is kept for each address, however long it is.
        """
        own = self._of_address[address]
        if own and (own + length > self._of_one_address_bytes or self._all_bytes + length > self._limit_bytes):
            return False
        self._add(address, length)
        return True

    def release(self, address: str, length: int) -> None:
        """The client has taken the answer, or has gone."""
        self._add(address, -length)

    def _add(self, address: str, length: int) -> None:
        self._all_bytes += length
        self._of_address[address] += length
        if not self._of_address[address]:
            del self._of_address[address]
