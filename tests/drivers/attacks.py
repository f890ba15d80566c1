"""The duration of attacks: one round in normal runs, a minute in long runs."""

import os
import time
from collections.abc import Iterator
from itertools import count
from typing import Final

#: Seconds that attacks take in a long run; 0 in others.
ATTACK_SECONDS: Final = float(os.environ.get("ATTACK_SECONDS", "0"))


def attack_rounds(at_least: int = 1) -> Iterator[int]:
    """Yield the numbers of an attack's rounds: ``at_least``, and more until ``ATTACK_SECONDS`` have passed."""
    began = time.monotonic()
    for number in count():
        if number >= at_least and time.monotonic() - began >= ATTACK_SECONDS:
            return
        yield number
