"""Choose the temperatures that count, and collect the alarms that sensor chips raise.

Sources: kernel, Documentation/hwmon/sysfs-interface.rst; node_exporter, hwmon_linux.go.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, NamedTuple

#: Most sensors of one machine that are kept, the hottest first.
SENSORS_LIMIT: Final = 32
#: Most readings of one machine that are read.
READINGS_LIMIT: Final = 2048
#: Longest name of a chip or of a sensor, in characters.
NAME_LIMIT: Final = 128
#: Hottest and coldest readings of a working sensor in a machine, °C. Unconnected sensors read 127, −128 or 0.
_HOTTEST: Final = 125.0
_COLDEST: Final = -40.0
#: AMD's control value for fans, and the measured temperature: up to 27 °C apart. Source: kernel, k10temp.rst
_CONTROL, _DIE = "tctl", "tdie"

AlarmRule = Literal["under_voltage", "hardware_alarm"]

# node_exporter multiplies an alarm by the unit of its sensor: a raised alarm may read 0.001.
#: Alarms by the sensor's type and the file's suffix in sysfs.
ALARM_FILES: Final[dict[tuple[str, str], AlarmRule]] = {
    # The only alarm of a Raspberry Pi.
    ("in", "lcrit_alarm"): "under_voltage",
    ("in", "crit_alarm"): "hardware_alarm",
    ("temp", "lcrit_alarm"): "hardware_alarm",
    ("temp", "crit_alarm"): "hardware_alarm",
    ("temp", "emergency_alarm"): "hardware_alarm",
    ("curr", "lcrit_alarm"): "hardware_alarm",
    ("curr", "crit_alarm"): "hardware_alarm",
    ("power", "lcrit_alarm"): "hardware_alarm",
    ("power", "crit_alarm"): "hardware_alarm",
}
_UNITS: Final = {"in": "volts", "temp": "celsius", "curr": "amps", "power": "watt"}
#: Alarms by node_exporter's families, without ``node_``.
ALARM_FAMILIES: Final[dict[bytes, AlarmRule]] = {
    f"hwmon_{kind}_{ending}_{_UNITS[kind]}".encode(): rule for (kind, ending), rule in ALARM_FILES.items()
}
#: Most raised alarms of one rule that are kept, and longest name of a sensor with its chip, in characters.
_ALARMS_LIMIT: Final = 64
ALARM_NAME_LIMIT: Final = 256

#: Chip and number of a sensor.
SensorId = tuple[str, str]


class SensorNames(NamedTuple):
    """The chip's name in the exposition, the driver's name ("" if unknown), and the sensor's label or number."""

    chip: str
    chip_name: str
    label: str


class Sensor(NamedTuple):
    """A sensor's reading and names; the names are those of ``SensorNames``."""

    celsius: float
    chip: str
    chip_name: str
    label: str


def temperature_sensors(
    readings: Mapping[SensorId, float],
    *,
    labels: Mapping[SensorId, str],
    chip_names: Mapping[str, str],
    faulty: Iterable[SensorId] = (),
) -> tuple[Sensor, ...]:
    """Return the sensors that count, the hottest first: ``named_sensors`` and ``hottest_sensors`` in one step."""
    return hottest_sensors(readings, named_sensors(readings, labels=labels, chip_names=chip_names), frozenset(faulty))


def named_sensors(
    sensors: Iterable[SensorId], *, labels: Mapping[SensorId, str], chip_names: Mapping[str, str]
) -> dict[SensorId, SensorNames]:
    """Return the names of the sensors that may count.

    AMD's control value does not count if the chip also measures the temperature.
    """
    names = {sensor: labels.get(sensor, sensor[1]) for sensor in sensors}
    with_die = {chip for (chip, _), label in names.items() if label.casefold() == _DIE}
    return {
        (chip, sensor): SensorNames(chip, chip_names.get(chip, ""), label)
        for (chip, sensor), label in names.items()
        if not (chip in with_die and label.casefold() == _CONTROL)
    }


def hottest_sensors(
    readings: Mapping[SensorId, float], names: Mapping[SensorId, SensorNames], faulty: Collection[SensorId]
) -> tuple[Sensor, ...]:
    """Return the sensors of ``names`` that count, the hottest first.

    Implausible readings and readings of ``faulty`` sensors do not count.
    """
    counted = [
        Sensor(readings[sensor], *each)
        for sensor, each in names.items()
        if is_plausible(readings[sensor]) and sensor not in faulty
    ]
    return tuple(sorted(counted, key=lambda sensor: (-sensor.celsius, *sensor[1:]))[:SENSORS_LIMIT])


def is_plausible(celsius: float) -> bool:
    """Whether a working sensor in a machine may have that reading."""
    return _COLDEST <= celsius <= _HOTTEST and celsius != 0


class Alarms:
    """The alarms of one scrape of a node."""

    def __init__(self, rules: Iterable[AlarmRule] = ()) -> None:
        """The node has alarms of ``rules``, which may be raised or not."""
        self._raised: dict[AlarmRule, set[str]] = {rule: set() for rule in rules}

    def note(self, rule: AlarmRule, chip: str, sensor: str, *, raised: bool) -> None:
        """Note one alarm. Alarms beyond the limits are ignored."""
        known = self._raised.setdefault(rule, set())
        name = f"{chip}/{sensor}"
        if raised and len(known) < _ALARMS_LIMIT and len(name) <= ALARM_NAME_LIMIT:
            known.add(name)

    def raised(self, rule: AlarmRule, *, faulty: Collection[SensorId] = ()) -> tuple[str, ...] | None:
        """Return ``chip/sensor`` of each raised alarm, sorted; ``None`` if the node has no alarm of that rule.

        ``faulty`` sensors are left out: an unconnected sensor reads the highest value, which raises every alarm.
        """
        known = self._raised.get(rule)
        if not known:
            return None if known is None else ()
        return tuple(sorted(known.difference(f"{chip}/{sensor}" for chip, sensor in faulty)))
