"""The processors' counters of one look, held compactly: a machine may have thousands, and there are many machines."""

from array import array
from collections.abc import Iterator, Mapping
from typing import Final

#: Processor and mode, as in ``("0", "idle")``.
CpuMode = tuple[str, str]

#: Processors of one machine; Linux knows no more.
CPUS_LIMIT: Final = 8192
#: Bytes that one counter takes.
COUNTER_BYTES: Final = 12
#: The modes that add up to all of a processor's time, of all systems, 16 at most. Those of guests are none of them: the
#: kernel counts guest in user, and guest_nice in nice. Source: proc_stat(5)
MODES: Final = (
    *("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"),
    *("interrupt", "kernel", "spin", "wait"),
)
_NUMBER_OF_MODE: Final = {mode: number for number, mode in enumerate(MODES)}
#: Lowest bits of a counter's code, which say the mode; those above say the processor.
MODE_BITS: Final = 4


class CpuSeconds(Mapping[CpuMode, float]):
    """Seconds that each processor spent in each mode, by processor and mode."""

    __slots__ = ("_codes", "_seconds")

    def __init__(self) -> None:
        self._codes = array("I")
        self._seconds = array("d")

    def append(self, code: int, seconds: float) -> None:
        """Add a counter that is not there yet; ``code`` is ``code_of``'s."""
        self._codes.append(code)
        self._seconds.append(seconds)

    def deduplicate(self) -> None:
        """Keep the last of several values of the same counter."""
        if len(set(self._codes)) < len(self._codes):
            values = dict(zip(self._codes, self._seconds, strict=True))
            self._codes, self._seconds = array("I", values.keys()), array("d", values.values())

    def __getitem__(self, key: CpuMode) -> float:
        code = code_of(*key)
        if code is None or code not in self._codes:
            raise KeyError(key)
        return self._seconds[self._codes.index(code)]

    def __iter__(self) -> Iterator[CpuMode]:
        return ((str(code >> MODE_BITS), _mode(code)) for code in self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    def since(self, previous: "CpuSeconds") -> Iterator[tuple[str, float, float]]:
        """Yield mode, value in ``previous`` and value here of each counter that both have."""
        if self._codes == previous._codes:  # nearly always, and quick
            yield from zip(map(_mode, self._codes), previous._seconds, self._seconds, strict=True)
            return
        before = dict(zip(previous._codes, previous._seconds, strict=True))
        for code, seconds in zip(self._codes, self._seconds, strict=True):
            if code in before:
                yield _mode(code), before[code], seconds


def code_of(cpu: str, mode: str) -> int | None:
    """Return the number that stands for processor and mode, ``None`` where either is none that a machine has.

    A processor is called by its number, or as /proc/stat calls it: ``0`` or ``cpu0``.
    """
    number = _NUMBER_OF_MODE.get(mode)
    cpu = cpu.removeprefix("cpu")
    if number is None or not (cpu.isascii() and cpu.isdigit() and len(cpu) <= 4) or int(cpu) >= CPUS_LIMIT:
        return None
    return int(cpu) << MODE_BITS | number


def _mode(code: int) -> str:
    return MODES[code & (1 << MODE_BITS) - 1]
