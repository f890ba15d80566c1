"""Alarms that the sensors of a machine raise by themselves: too little voltage, and what their chip calls critical.

Sources: kernel, Documentation/hwmon/sysfs-interface.rst; node_exporter, hwmon_linux.go. The exporter multiplies an
alarm by the unit of its sensor: one that is raised may read 0.001.
"""

from collections.abc import Collection
from typing import Final, Literal

from collector.temperatures import Place

AlarmRule = Literal["under_voltage", "hardware_alarm"]

#: Alarms by the sensor's type and the file's ending in sysfs.
ALARM_FILES: Final[dict[tuple[str, str], AlarmRule]] = {
    # The only one that a Raspberry Pi has.
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
#: The same by node_exporter's families, without ``node_``.
ALARM_FAMILIES: Final[dict[bytes, AlarmRule]] = {
    f"hwmon_{kind}_{ending}_{_UNITS[kind]}".encode(): rule for (kind, ending), rule in ALARM_FILES.items()
}
#: Raised alarms of one rule that are looked at, and the longest name of a sensor, in characters.
_ALARMS_LIMIT: Final = 64
_NAME_LIMIT: Final = 256


class Alarms:
    """The alarms of one look at a node."""

    def __init__(self) -> None:
        self._raised: dict[AlarmRule, set[str]] = {}

    def note(self, rule: AlarmRule, chip: str, sensor: str, *, raised: bool) -> None:
        """Note one alarm. What is beyond the limits is passed over."""
        known = self._raised.setdefault(rule, set())
        name = f"{chip}/{sensor}"
        if raised and len(known) < _ALARMS_LIMIT and len(name) <= _NAME_LIMIT:
            known.add(name)

    def raised(self, rule: AlarmRule, *, faulty: Collection[Place] = ()) -> tuple[str, ...] | None:
        """Return ``chip/sensor`` of each that raises its alarm, sorted; ``None`` where the node has no such alarm.

        Those that are ``faulty`` are left out: one that is not connected reads the highest value, which raises all.
        """
        known = self._raised.get(rule)
        if not known:
            return None if known is None else ()
        return tuple(sorted(known.difference(f"{chip}/{sensor}" for chip, sensor in faulty)))
