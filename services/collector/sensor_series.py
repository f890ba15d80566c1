"""Collect node_exporter's series of sensors, like the other subjects in ``node_exporter_series``."""

from typing import Final

from collector.node_exporter_series import MemoryUse, Values
from collector.sensors import (
    ALARM_FAMILIES,
    ALARM_NAME_LIMIT,
    NAME_LIMIT,
    READINGS_LIMIT,
    AlarmRule,
    Alarms,
    Sensor,
    SensorId,
    SensorNames,
    hottest_sensors,
    named_sensors,
)

_Labels = dict[str, str]


class SensorSeries:
    """Temperature sensors: readings, labels and faults."""

    FAMILIES: Final = (
        *(b"hwmon_temp_celsius", b"hwmon_temp_fault", b"hwmon_sensor_label", b"hwmon_chip_names"),
        *(b"thermal_zone_temp", b"cpu_temperature_celsius"),
    )

    def __init__(self, memory_use: MemoryUse) -> None:
        self._memory_use = memory_use
        self._readings: dict[SensorId, int] = {}
        self._labels: dict[SensorId, str] = {}
        self._chip_names: dict[str, str] = {}
        #: Sensors that their chips may report as faulty, for example because they are not connected.
        self._faults: list[tuple[SensorId, int]] = []
        self._names: dict[SensorId, SensorNames] = {}

    def add(self, name: bytes, labels: _Labels, number: int) -> None:
        """Add a series of one of ``FAMILIES``."""
        sensor = labels.get("chip", ""), labels.get("sensor", "")
        text = labels.get("label", "") or labels.get("chip_name", "")
        if name == b"thermal_zone_temp":
            sensor = labels.get("type", ""), f"zone{labels.get('zone', '')}"
        elif name == b"cpu_temperature_celsius":
            sensor = "cpu", labels.get("cpu", "")
        elif name == b"hwmon_sensor_label" and not sensor[1].startswith("temp"):
            return
        if len(self._readings) >= READINGS_LIMIT:
            return
        if not self._memory_use.add(*sensor, text, limit=NAME_LIMIT):
            return
        match name:
            case b"hwmon_sensor_label":
                self._labels[sensor] = text or sensor[1]
            case b"hwmon_chip_names":
                self._chip_names[sensor[0]] = text
            case b"hwmon_temp_fault":
                self._faults.append((sensor, number))
            case _:
                self._readings[sensor] = number

    def finish(self) -> None:
        """Choose the sensors that count."""
        self._names = named_sensors(self._readings, labels=self._labels, chip_names=self._chip_names)

    def faulty(self, values: Values) -> frozenset[SensorId]:
        """Return the sensors that their chips report as faulty."""
        return frozenset(sensor for sensor, number in self._faults if values[number] != 0)

    def sensors(self, values: Values, faulty: frozenset[SensorId]) -> tuple[Sensor, ...]:
        """Return the sensors that count, the hottest first."""
        return hottest_sensors({sensor: values[self._readings[sensor]] for sensor in self._names}, self._names, faulty)


class AlarmSeries:
    """Alarms that sensor chips raise."""

    FAMILIES: Final = tuple(ALARM_FAMILIES)

    def __init__(self, memory_use: MemoryUse) -> None:
        self._memory_use = memory_use
        self._rules: set[AlarmRule] = set()
        #: Rule, chip and sensor of each alarm, and the number of its series.
        self._numbers: list[tuple[AlarmRule, str, str, int]] = []

    def add(self, name: bytes, labels: _Labels, number: int) -> None:
        """Add a series of one of ``FAMILIES``."""
        rule, chip, sensor = ALARM_FAMILIES[name], labels.get("chip", ""), labels.get("sensor", "")
        self._rules.add(rule)
        if self._memory_use.add(chip, sensor, limit=ALARM_NAME_LIMIT):
            self._numbers.append((rule, chip, sensor, number))

    def alarms(self, values: Values) -> Alarms:
        """Return the alarms."""
        alarms = Alarms(self._rules)
        for rule, chip, sensor, number in self._numbers:
            if values[number] > 0:
                alarms.note(rule, chip, sensor, raised=True)
        return alarms
