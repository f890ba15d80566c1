"""What a page tells of its exporter, apart from the node."""

import re
from typing import Final

from collector.page import FAMILIES

#: Bytes of a page whose families and collectors are noted. A page with everything switched on has twice as many.
NOTED_BYTES: Final = 512 * 1024
_STARTED: Final = b"\nprocess_start_time_seconds "
_NUMBER: Final = re.compile(rb"[0-9.e+]{1,32}")
_COLLECTOR: Final = re.compile(rb'\nnode_scrape_collector_success\{collector="([a-z0-9_]{1,64})"\} ')


class PageNotes:
    """Takes notes while a page is read."""

    def __init__(self, *, is_thorough: bool) -> None:
        """``is_thorough``: note the families and the collectors too, which takes as long as reading the page."""
        #: When the exporter started, in Unix seconds by its own clock; ``None`` where it does not tell.
        self.started: float | None = None
        #: Names of the families on the page that a sample is made of.
        self.families: set[bytes] = set()
        #: Names of the collectors that the exporter has switched on; empty where it does not tell.
        self.collectors: set[str] = set()
        self._left_bytes = NOTED_BYTES if is_thorough else 0

    def take(self, text: bytes) -> None:
        """Note what is in some lines of the page; ``text`` begins with the line feed before them."""
        at = text.find(_STARTED)
        if at >= 0:
            number = _NUMBER.match(text, at + len(_STARTED))
            try:
                self.started = None if number is None else float(number[0])
            except ValueError:
                self.started = None
        if self._left_bytes > 0:
            self._left_bytes -= len(text)
            if self._left_bytes <= 0:
                # Half of the list would be worse than none.
                self.collectors.clear()
                return
            self.families.update(name for name, _, _ in FAMILIES.series(text))
            self.collectors.update(name.decode() for name in _COLLECTOR.findall(text))
