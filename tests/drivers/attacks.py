"""For how long an attack goes on: for one round in every run, again and again for a minute in a long one."""

import os
import time
from collections.abc import Iterator
from itertools import count
from typing import Final

#: Seconds of a long run's attacks; 0 in others.
ATTACK_SECONDS: Final = float(os.environ.get("ATTACK_SECONDS", "0"))


def attack_rounds(at_least: int = 1) -> Iterator[int]:
    """Count the rounds of an attack: so many, and as many more as begin within ``ATTACK_SECONDS``."""
    began = time.monotonic()
    for number in count():
        if number >= at_least and time.monotonic() - began >= ATTACK_SECONDS:
            return
        yield number
