"""Ends what is not held by right any more, and connections that never asked for a namespace."""

import logging
import time
from typing import Any, Final, NoReturn

from runtime.logs import Occasionally
from ws.access.door import Door

#: Seconds between two looks. Whoever loses his right is gone within this and the time that the news takes.
LOOK_SECONDS: Final = 0.25

_logger = logging.getLogger(__name__)


class AccessWatch:
    """Looks at the grants that clients are here by: as many as there are people and programs, not connections."""

    def __init__(self, door: Door, endpoint: Any) -> None:
        self._door = door
        self._endpoint = endpoint
        self._complaints = Occasionally(_logger)

    def run(self) -> NoReturn:
        """Look for good."""
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self._look()
            except Exception as error:
                self._complaints.warning("error", "looking at who is connected went wrong: %r", error)

    def _look(self) -> None:
        why = ("idle", "no CONNECT")
        if self._door.is_closed:
            why = ("unauthenticated", "sign_in_required")
            for refused, (eio_sid, namespace) in self._door.ended():
                self._endpoint.server.dismiss(eio_sid, namespace, refused)
        for eio_sid in self._door.overdue():
            self._endpoint.send_away(eio_sid, *why)
