"""Compact storage for the processors' counters of one scrape. A machine may have thousands, and there are many."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import sub
from typing import Final, Self

#: Processor and mode, as in ``("0", "idle")``.
CpuMode = tuple[str, str]

#: Most processors of one machine; the limit of Linux.
CPUS_LIMIT: Final = 8192
#: Bytes that one counter takes.
COUNTER_BYTES: Final = 12
#: The modes of all systems that add up to a processor's time, 16 at most. The modes of guests are not among them: the
#: kernel includes guest in user, and guest_nice in nice. Source: proc_stat(5)
MODES: Final = (
    *("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"),
    *("interrupt", "kernel", "spin", "wait"),
)
_NUMBER_OF_MODE: Final = {mode: number for number, mode in enumerate(MODES)}
#: Modes in which a processor is idle.
IDLE_MODES: Final = frozenset(("idle", "iowait", "wait"))
_IDLE_NUMBERS: Final = frozenset(_NUMBER_OF_MODE[mode] for mode in IDLE_MODES)
#: Seconds that a processor's idle counters may go back without a reset. Linux does not guarantee monotonic counters;
#: node_exporter tolerates the same 3 s. Source: kernel, Documentation/filesystems/proc.rst, and cpu_linux.go
_IDLE_STEP_BACK_SECONDS: Final = 3.0
#: The lowest bits of a counter's code are the mode; the bits above are the processor.
MODE_BITS: Final = 4
_MODE_MASK: Final = (1 << MODE_BITS) - 1


class CpuCounters:
    """The processors and modes of the counters of a scrape, which scrapes with the same counters share."""

    __slots__ = ("_cpu_count", "_places", "codes")

    def __init__(self, codes: "array[int]") -> None:
        """``codes`` are different results of ``code_of``, type code ``I``."""
        self.codes = codes
        self._cpu_count: int | None = None
        self._places: dict[str, slice] | None = None

    @property
    def cpu_count(self) -> int:
        """Number of processors."""
        if self._cpu_count is None:
            self._cpu_count = len({code >> MODE_BITS for code in self.codes})
        return self._cpu_count

    @property
    def places(self) -> dict[str, slice]:
        """The places of each mode in ``codes``; empty unless the modes are the same for each processor.

        Computed once, and meant for counters that several scrapes share.
        """
        if self._places is None:
            modes = [code & _MODE_MASK for code in self.codes]
            first = list(dict.fromkeys(modes))
            is_regular = modes == first * (len(modes) // len(first)) if first else False
            self._places = (
                {MODES[mode]: slice(n, None, len(first)) for n, mode in enumerate(first)} if is_regular else {}
            )
        return self._places


class CpuSeconds(Mapping[CpuMode, float]):
    """Seconds that each processor spent in each mode, by processor and mode."""

    __slots__ = ("_counters", "_seconds")

    def __init__(self, counters: CpuCounters | None = None, seconds: "array[float] | None" = None) -> None:
        """``seconds`` have type code ``d``, in the order of ``counters``."""
        self._counters = CpuCounters(array("I")) if counters is None else counters
        self._seconds = array("d") if seconds is None else seconds

    @classmethod
    def of(cls, seconds: Mapping[CpuMode, float]) -> Self:
        """Return an instance with the counters of a valid processor and mode."""
        valid = {code: value for key, value in seconds.items() if (code := code_of(*key)) is not None}
        return cls(CpuCounters(array("I", valid.keys())), array("d", valid.values()))

    @property
    def _codes(self) -> "array[int]":
        return self._counters.codes

    def __getitem__(self, key: CpuMode) -> float:
        code = code_of(*key)
        if code is None or code not in self._codes:
            raise KeyError(key)
        return self._seconds[self._codes.index(code)]

    def __iter__(self) -> Iterator[CpuMode]:
        return ((str(code >> MODE_BITS), _mode(code)) for code in self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def cpu_count(self) -> int:
        """Number of processors."""
        return self._counters.cpu_count

    def since(self, previous: "CpuSeconds") -> dict[str, float] | None:
        """Return the seconds spent in each mode since ``previous``, over the counters of both.

        ``None`` if a counter went back: the node booted, or a processor was switched off and on.
        """
        if self._counters is previous._counters and self._counters.places:  # the usual case, and quick
            deltas = list(map(sub, self._seconds, previous._seconds))
            if min(deltas) >= 0:
                return {mode: sum(deltas[place]) for mode, place in self._counters.places.items()}
        spent: defaultdict[int, float] = defaultdict(float)
        for code, before, seconds in self._paired_with(previous):
            mode, delta = code & _MODE_MASK, seconds - before
            if delta < 0:
                if mode not in _IDLE_NUMBERS or delta < -_IDLE_STEP_BACK_SECONDS:
                    return None
                delta = 0.0
            spent[mode] += delta
        return {MODES[mode]: seconds for mode, seconds in spent.items()}

    def _paired_with(self, previous: "CpuSeconds") -> Iterable[tuple[int, float, float]]:
        """Return code, previous value and present value of each counter of both."""
        if self._codes == previous._codes:
            return zip(self._codes, previous._seconds, self._seconds, strict=True)
        before = dict(zip(previous._codes, previous._seconds, strict=True))
        return (
            (code, before[code], seconds)
            for code, seconds in zip(self._codes, self._seconds, strict=True)
            if code in before
        )


def code_of(cpu: str, mode: str) -> int | None:
    """Return the code of a processor and a mode; ``None`` if either is not valid.

    The name of a processor is its number, or its name in /proc/stat: ``0`` or ``cpu0``.
    """
    number = _NUMBER_OF_MODE.get(mode)
    cpu = cpu.removeprefix("cpu")
    if number is None or not (cpu.isascii() and cpu.isdigit() and len(cpu) <= 4) or int(cpu) >= CPUS_LIMIT:
        return None
    return int(cpu) << MODE_BITS | number


def _mode(code: int) -> str:
    return MODES[code & _MODE_MASK]
