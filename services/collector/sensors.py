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
_NAME_LIMIT: Final = 256

#: Chip and number of a sensor.
SensorId = tuple[str, str]


class Sensor(NamedTuple):
    """A sensor's reading and names."""

    celsius: float
    #: The chip's name in the exposition, the driver's name ("" if unknown), and the sensor's label or number.
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
    """Return the sensors that count, the hottest first.

    Implausible readings and readings of faulty sensors do not count. AMD's control value does not count if the chip
    also measures the temperature.
    """
    faulty_sensors = frozenset(faulty)
    names = {sensor: labels.get(sensor, sensor[1]) for sensor in readings}
    with_die = {chip for (chip, _), label in names.items() if label.casefold() == _DIE}
    counted = [
        Sensor(celsius, sensor[0], chip_names.get(sensor[0], ""), names[sensor])
        for sensor, celsius in readings.items()
        if is_plausible(celsius)
        and sensor not in faulty_sensors
        and not (sensor[0] in with_die and names[sensor].casefold() == _CONTROL)
    ]
    return tuple(sorted(counted, key=lambda sensor: (-sensor.celsius, *sensor[1:]))[:SENSORS_LIMIT])


def is_plausible(celsius: float) -> bool:
    """Whether a working sensor in a machine may have that reading."""
    return _COLDEST <= celsius <= _HOTTEST and celsius != 0


class Alarms:
    """The alarms of one scrape of a node."""

    def __init__(self) -> None:
        self._raised: dict[AlarmRule, set[str]] = {}

    def note(self, rule: AlarmRule, chip: str, sensor: str, *, raised: bool) -> None:
        """Note one alarm. Alarms beyond the limits are ignored."""
        known = self._raised.setdefault(rule, set())
        name = f"{chip}/{sensor}"
        if raised and len(known) < _ALARMS_LIMIT and len(name) <= _NAME_LIMIT:
            known.add(name)

    def raised(self, rule: AlarmRule, *, faulty: Collection[SensorId] = ()) -> tuple[str, ...] | None:
        """Return ``chip/sensor`` of each raised alarm, sorted; ``None`` if the node has no alarm of that rule.

        ``faulty`` sensors are left out: an unconnected sensor reads the highest value, which raises every alarm.
        """
        known = self._raised.get(rule)
        if not known:
            return None if known is None else ()
        return tuple(sorted(known.difference(f"{chip}/{sensor}" for chip, sensor in faulty)))
