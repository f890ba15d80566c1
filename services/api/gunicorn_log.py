"""What gunicorn has to say, through our log, and not filling it."""

import logging
from typing import Any, Final

from gunicorn.glogging import Logger

from contract.runtime.logs import Occasionally

#: Letters of a message that reach the log: some quote what strangers sent.
MESSAGE_LETTERS: Final = 200


class GunicornLog(Logger):  # type: ignore[misc]
    """Warnings and worse, one line each; warnings, which any stranger can cause, at most once a minute."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and format to the process; no access log."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self._complaints = Occasionally(self.error_log)

    def warning(self, msg: object, *args: object, **kwargs: object) -> None:
        """Log a warning."""
        self._complaints.warning("any", "%s", _one_line(msg, args))

    def exception(self, msg: object, *args: object, **kwargs: object) -> None:
        """Log the failure that is being handled, with its traceback."""
        self.error_log.error("%s", _one_line(msg, args), exc_info=True)


def _one_line(msg: object, args: tuple[object, ...]) -> str:
    text = str(msg) % args if args else str(msg)
    shown = text.encode("unicode_escape").decode()
    return shown if len(shown) <= MESSAGE_LETTERS else shown[:MESSAGE_LETTERS] + " …"
