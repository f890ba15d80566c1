"""Which readings of a machine's temperature sensors count."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

#: Sensors of one machine that are kept, the hottest first.
SENSORS_LIMIT: Final = 32
#: Readings of one machine that are looked at.
READINGS_LIMIT: Final = 2048
#: Longest name of a chip or of a sensor, in characters.
NAME_LIMIT: Final = 128
#: Hottest and coldest readings that a working sensor in a machine gives, °C. Unconnected ones say 127, −128 or 0.
_HOTTEST: Final = 125.0
_COLDEST: Final = -40.0
#: What AMD's processors are to be cooled by, and what they measure: up to 27 °C apart. Source: kernel, k10temp.rst
_CONTROL, _DIE = "tctl", "tdie"

#: Chip and number of a sensor.
Place = tuple[str, str]


class Sensor(NamedTuple):
    """A sensor's reading, and what the sensor is called."""

    celsius: float
    #: As the page calls the chip, as the driver does ("" if not told), and the sensor's label or else its number.
    chip: str
    chip_name: str
    label: str


def sensors(
    readings: Mapping[Place, float],
    *,
    labels: Mapping[Place, str],
    chip_names: Mapping[str, str],
    faulty: Iterable[Place] = (),
) -> tuple[Sensor, ...]:
    """Return the sensors whose readings count, the hottest first.

    A reading does not count that no machine has, that its chip calls faulty, or that is moved for the sake of the fans
    beside one that is not.
    """
    broken = frozenset(faulty)
    called = {place: labels.get(place, place[1]) for place in readings}
    with_die = {chip for (chip, _), label in called.items() if label.casefold() == _DIE}
    counted = [
        Sensor(celsius, place[0], chip_names.get(place[0], ""), called[place])
        for place, celsius in readings.items()
        if is_plausible(celsius)
        and place not in broken
        and not (place[0] in with_die and called[place].casefold() == _CONTROL)
    ]
    return tuple(sorted(counted, key=lambda sensor: (-sensor.celsius, *sensor[1:]))[:SENSORS_LIMIT])


def is_plausible(celsius: float) -> bool:
    """Whether a working sensor in a machine gives that reading."""
    return _COLDEST <= celsius <= _HOTTEST and celsius != 0
