"""Read a ``Sample`` from an exposition of node_exporter, piece by piece; no input or output."""

import codecs
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from collector.exposition import LINE_BYTES, is_complete_line, numbers
from collector.exposition_shape import FAMILIES, ExpositionShape
from collector.exposition_template import ExporterTemplate
from collector.interfaces import KnownInterfaces
from collector.memory import memory, swap
from collector.node_exporter_series import VALUE_BYTES
from collector.sample import Sample, certain_part

#: Needed collectors of node_exporter that are missing or switched off in some exporters.
OPTIONAL_COLLECTORS: Final = ("pressure",)
#: The other needed collectors of node_exporter.
COLLECTORS: Final = (
    "cpu",
    "diskstats",
    "filesystem",
    "hwmon",
    "loadavg",
    "meminfo",
    "netdev",
    "stat",
    "thermal_zone",
    "time",
    "uname",
)
#: Collectors that describe interfaces. Few scrapes request them: for a node with 200 containers, they are half of the
#: exposition, and the exporter reads 25 files for each interface.
INTERFACE_COLLECTORS: Final = ("bonding", "netclass")
#: Most needed series of an exposition. A machine with 1024 CPUs has about 9000.
SERIES_LIMIT: Final = 20_000
#: Latest time of a timestamp (year 9999).
_LATEST_UNIX_SECONDS: Final = 253_402_300_799.0


class NotNodeExporter(ValueError):
    """An exposition without series of node_exporter."""


class TooManySeries(ValueError):
    """An exposition with more than ``SERIES_LIMIT`` needed series."""


class ExpositionReader:
    """Reads one exposition; keeps the values that a sample needs, and the start of an unfinished line.

    While the series of the exposition are those of the exporter's template, only their values are read. From the first
    difference on, and for the series before it, the reader makes a shape of its own.
    """

    def __init__(
        self,
        known_interfaces: KnownInterfaces | None = None,
        take_note: Callable[[bytes], None] | None = None,
        exporter_template: ExporterTemplate | None = None,
    ) -> None:
        """``known_interfaces`` are the interfaces of the node's earlier expositions.

        ``take_note`` is called with each group of lines, which begins with the line feed before the first line.
        ``exporter_template`` is updated when the exposition is complete.
        """
        self._known_interfaces = known_interfaces or KnownInterfaces()
        self._take_note = take_note
        self._rest = b"\n"  # begins with the line feed before the unfinished line
        #: Created for the first piece that is not ASCII.
        self._decoder: codecs.IncrementalDecoder | None = None
        self._is_text = True
        self._series_count = 0
        self._values = array("d")
        self._texts: list[str] = []
        is_due = exporter_template is not None and exporter_template.is_due()
        self._exporter_template = exporter_template if is_due else None
        self._template = None if self._exporter_template is None else self._exporter_template.current
        self._shape = ExpositionShape() if self._template is None else self._template.shape
        self._draft = self._exporter_template.draft() if self._exporter_template and self._template is None else None

    @property
    def follows_template(self) -> bool:
        """Whether the exposition has the series of the exporter's template so far."""
        return self._template is not None

    @property
    def memory_bytes(self) -> int:
        """Approximate memory of the values read so far, in bytes."""
        count, template = len(self._values), self._template
        series_bytes = self._shape.memory_use.bytes if template is None else template.memory_bytes(count)
        return series_bytes + VALUE_BYTES * count

    def feed(self, piece: bytes) -> None:
        """Read the next piece.

        Raises:
            TooManySeries: the exposition has more than ``SERIES_LIMIT`` needed series.
        """
        if self._is_text and not (self._decoder is None and piece.isascii()):
            self._decoder = self._decoder or codecs.getincrementaldecoder("utf-8")()
            try:
                self._decoder.decode(piece)
            except UnicodeDecodeError:
                self._is_text = False
        text = self._rest + piece
        end = text.rfind(b"\n")
        self._rest = text[end : end + LINE_BYTES]
        if end > 0:
            self._read(text[: end + 1])

    def end(self) -> None:
        """Read the unfinished line as the last one. Call this if the response marks the end of the exposition."""
        if self._rest != b"\n" and is_complete_line(self._rest[1:]):
            self.feed(b"\n")

    @property
    def is_complete(self) -> bool:
        """Whether the exposition is text that ends with a line feed, as the format requires.

        Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
        """
        has_rest = self._rest != b"\n" or (self._decoder is not None and bool(self._decoder.getstate()[0]))
        return self._is_text and not has_rest

    def sample(
        self,
        *,
        monotonic_seconds: float,
        unix_seconds: float,
        uncertainty_seconds: float = 0.0,
        hung_collector: str | None = None,
    ) -> Sample:
        """Return the sample of an exposition that was written at those times of this machine's clocks.

        Raises:
            NotNodeExporter: the exposition has no series of node_exporter.
            TooManySeries: the exposition has more than ``SERIES_LIMIT`` needed series.
        """
        if self._rest != b"\n":
            self._read(self._rest)
        if self._template is None:
            self._shape.finish()
        elif len(self._values) < len(self._template.series):
            self._leave_template()
            self._shape.finish()
        shape, values = self._shape, self._values
        if not shape.is_node_exporter:
            raise NotNodeExporter("no series of node_exporter")
        if self._exporter_template is not None and self.is_complete:
            if self._template is not None:
                self._exporter_template.note_followed()
            elif self._draft is not None:
                self._exporter_template.note(self._draft)
        network = shape.network.choose(values, self._texts, self._known_interfaces)
        disk, faulty = shape.mounts.filesystems(values), shape.sensors.faulty(values)
        sensors, alarms = shape.sensors.sensors(values, faulty), shape.alarms.alarms(values)
        cpu_seconds, memory_values = shape.cpu.seconds(values), shape.memory(values)
        memory_total, memory_available = memory(memory_values)
        swap_total, swap_free = swap(shape.swap(values))
        boot, time = shape.number(b"boot_time_seconds", values), shape.number(b"time_seconds", values)
        return Sample(
            monotonic_seconds=monotonic_seconds,
            cpu_seconds=cpu_seconds,
            load1=shape.number(b"load1", values),
            memory_total_bytes=memory_total,
            memory_available_bytes=memory_available,
            swap_total_bytes=swap_total,
            swap_free_bytes=swap_free,
            io_waiting_seconds=shape.number(b"pressure_io_waiting_seconds_total", values),
            memory_waiting_seconds=shape.number(b"pressure_memory_waiting_seconds_total", values),
            root=disk.root,
            filesystems=disk.local,
            temperature=sensors[0].celsius if sensors else None,
            sensors=sensors,
            under_voltage=alarms.raised("under_voltage", faulty=faulty),
            hardware_alarms=alarms.raised("hardware_alarm", faulty=faulty),
            network_bytes=shape.network.bytes_of(network.names, values),
            disk_bytes=shape.disks.disks(values),
            boot_unix_seconds=boot if boot is not None and 0 < boot <= _LATEST_UNIX_SECONDS else None,
            uncertainty_seconds=uncertainty_seconds,
            node_unix_seconds=time,
            clock_offset_seconds=None if time is None else certain_part(time - unix_seconds, uncertainty_seconds),
            hung_collector=hung_collector,
            host_name=shape.host_name(self._texts),
            remarks=tuple(remark for remark in (network.remark, disk.remark) if remark is not None),
            missing_reason=None
            if len(cpu_seconds) or memory_values or disk.local or disk.root
            else shape.why_no_figures(),
        )

    def _read(self, text: bytes) -> None:
        if self._take_note is not None:
            self._take_note(text)
        found = FAMILIES.series(text)
        if not found:
            return
        self._series_count += len(found)
        if self._series_count > SERIES_LIMIT:
            raise TooManySeries(f"more than {SERIES_LIMIT} series")
        series, texts = zip(*found, strict=True)
        if self._template is not None:
            if self._follow_template(series, texts):
                return
            self._leave_template()
        try:
            self._add(series, numbers(texts))
        except ValueError:
            self._draft = None
            for each, text in found:
                with suppress(ValueError):
                    self._add((each,), (float(text),))

    def _follow_template(self, series: tuple[bytes, ...], numbers_as_text: tuple[bytes, ...]) -> bool:
        """Read the next series, if they are those of the template; return whether they are."""
        assert self._template is not None
        texts = self._template.texts(series, len(self._values))
        if texts is None:
            return False
        try:
            self._values.fromlist(numbers(numbers_as_text))
        except ValueError:
            return False
        self._texts += texts
        return True

    def _leave_template(self) -> None:
        """Continue as if there was no template."""
        assert self._template is not None
        assert self._exporter_template is not None
        series, values, texts = self._template.series[: len(self._values)], self._values, self._texts
        self._exporter_template.note_difference()
        self._template, self._draft = None, self._exporter_template.draft()
        self._shape, self._values, self._texts = ExpositionShape(), array("d"), []
        self._add(series, values)
        # The template has the texts of another node.
        self._texts = texts

    def _add(self, series: Sequence[bytes], values: Sequence[float]) -> None:
        self._values.extend(values)
        add, with_text = self._shape.add, []
        for position, each in enumerate(series):
            text = add(each)
            if text is not None:
                self._texts.append(text)
                with_text.append(position)
        if self._draft is not None:
            self._draft.add(series, with_text)


def parse_exposition(exposition: bytes, *, monotonic_seconds: float, unix_seconds: float) -> Sample:
    """Return the sample of a whole exposition that was written at about those times of this machine's clocks.

    Raises:
        NotNodeExporter: the exposition has no series of node_exporter.
        TooManySeries: the exposition has more than ``SERIES_LIMIT`` needed series.
    """
    reader = ExpositionReader()
    reader.feed(exposition)
    return reader.sample(monotonic_seconds=monotonic_seconds, unix_seconds=unix_seconds)
