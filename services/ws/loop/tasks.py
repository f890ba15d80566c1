"""The functions that run in greenlets."""

import logging
from collections.abc import Callable

_logger = logging.getLogger(__name__)


def logged(name: str, function: Callable[[], object]) -> Callable[[], None]:
    """Return ``function`` with an unhandled exception logged under ``name``."""

    def run() -> None:
        try:
            function()
        except Exception:
            _logger.exception("%s stopped with an error", name)

    return run
