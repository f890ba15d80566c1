"""Trouble for a demonstration: one node hot, one full, and one that is dead for a while and comes back."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Final

from simulator.faults import Fault
from simulator.fleet import Fleet

#: Seconds that the third node stays dead, and that it stays alive.
DEAD_SECONDS: Final = 90.0
#: At least this many nodes stay without trouble.
_SPARED: Final = 1


async def make_trouble(fleet: Fleet, seed: int) -> None:
    """Trouble up to three nodes, then let the third come and go until cancelled."""
    names = [exporter.name for exporter in fleet]
    chosen = Random(seed).sample(names, max(0, min(3, len(names) - _SPARED)))  # noqa: S311 - a simulation
    for name, fault in zip(chosen, (Fault.HOT, Fault.FULL, Fault.DEAD), strict=False):
        await fleet.exporter(name).set_fault(fault)
    if len(chosen) < 3:
        return
    comes_and_goes = fleet.exporter(chosen[2])
    fault = Fault.DEAD
    while True:
        await asyncio.sleep(DEAD_SECONDS)
        fault = Fault.NONE if fault is Fault.DEAD else Fault.DEAD
        with suppress(OSError):  # its port was taken meanwhile: dead until the next turn
            await comes_and_goes.set_fault(fault)
