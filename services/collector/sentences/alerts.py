"""Sentences of alerts: when the condition begins and when it ends. Each sentence begins with the node."""

from typing import Final

from collector.sentences.sentence import Sentence, number, plural, sentence, with_detail, with_reason
from contract.messages import Coded

# The condition begins


@sentence
def node_offline(node: str, why: Coded | str | None) -> str:
    return with_reason(f"{node} is offline", why)


@sentence
def memory_high(node: str, percent: float) -> str:
    return f"{node}: memory is {number(percent)} % in use"


@sentence
def filesystem_full(node: str, mountpoint: str, percent: float) -> str:
    return f"{node}: {mountpoint} is {number(percent)} % full"


@sentence
def filesystem_readonly(node: str, mountpoint: str) -> str:
    return f"{node}: {mountpoint} is mounted read-only"


@sentence
def temperature_high(node: str, celsius: float) -> str:
    return f"{node}: temperature is {number(celsius)} °C"


@sentence
def clock_ahead(node: str, seconds: float) -> str:
    return f"{node}: the clock is {number(seconds)} s ahead of the collector's"


@sentence
def clock_behind(node: str, seconds: float) -> str:
    return f"{node}: the clock is {number(seconds)} s behind the collector's"


@sentence
def cpu_high(node: str, percent: float) -> str:
    return f"{node}: CPU is at {number(percent)} %"


@sentence
def voltage_low(node: str, sensor: str) -> str:
    return f"{node}: voltage is too low (sensor {sensor})"


@sentence
def sensor_alarm(node: str, sensor: str) -> str:
    return f"{node}: sensor {sensor} reports a critical alarm"


@sentence
def swap_high(node: str, percent: float) -> str:
    return f"{node}: swap is {number(percent)} % in use"


@sentence
def pressure_io_high(node: str, percent: float) -> str:
    return f"{node}: tasks wait {number(percent)} % of the time for a disk"


@sentence
def pressure_memory_high(node: str, percent: float) -> str:
    return f"{node}: tasks wait {number(percent)} % of the time for memory"


# The condition ends


@sentence
def node_online(node: str) -> str:
    return f"{node} is online again"


@sentence
def memory_down(node: str, percent: float) -> str:
    return f"{node}: memory is down to {number(percent)} % in use"


@sentence
def filesystem_down(node: str, mountpoint: str, percent: float) -> str:
    return f"{node}: {mountpoint} is down to {number(percent)} % full"


@sentence
def filesystem_writable(node: str, mountpoint: str) -> str:
    return f"{node}: {mountpoint} is writable again"


@sentence
def temperature_down(node: str, celsius: float) -> str:
    return f"{node}: temperature is down to {number(celsius)} °C"


@sentence
def clock_right(node: str, seconds: float) -> str:
    return f"{node}: the clock is right within {number(seconds)} s"


@sentence
def cpu_down(node: str, percent: float) -> str:
    return f"{node}: CPU is down to {number(percent)} %"


@sentence
def voltage_enough(node: str, sensor: str) -> str:
    return f"{node}: voltage is high enough again (sensor {sensor})"


@sentence
def sensor_alarm_over(node: str, sensor: str) -> str:
    return f"{node}: the critical alarm of sensor {sensor} is over"


@sentence
def swap_down(node: str, percent: float) -> str:
    return f"{node}: swap is down to {number(percent)} % in use"


@sentence
def pressure_io_down(node: str, percent: float) -> str:
    return f"{node}: tasks wait only {number(percent)} % of the time for a disk"


@sentence
def pressure_memory_down(node: str, percent: float) -> str:
    return f"{node}: tasks wait only {number(percent)} % of the time for memory"


# The target, the detail or the rule of the alert is gone


@sentence
def target_removed(node: str) -> str:
    return f"{node} is no longer a target"


@sentence
def measure_untold(node: str, rule: str) -> str:
    return f"{node} no longer reports {_SUBJECTS.get(rule, rule)}"


@sentence
def filesystem_unmounted(node: str, mountpoint: str) -> str:
    return f"{node}: {mountpoint} is no longer mounted"


@sentence
def filesystem_not_written(node: str, mountpoint: str) -> str:
    return f"{node}: {mountpoint} is read-only"


@sentence
def detail_left_out(node: str, detail: str, rule: str) -> str:
    return f"{node}: the rule {rule} ignores {detail}"


@sentence
def rule_off(node: str, rule: str) -> str:
    return f"{node}: the rule {rule} is switched off"


@sentence
def rule_unknown(node: str, rule: str) -> str:
    return f"{node}: {_unknown(rule)}" if node else _unknown(rule)


# Flapping alerts


@sentence
def flapping_over(node: str, rule: str, detail: str | None, times: int) -> str:
    return f"{node}: {with_detail(rule, detail)} no longer flaps; it fired {plural(times, 'time')}"


@sentence
def pended(node: str, rule: str, times: int) -> str:
    return f"{node}: {rule} was pending {plural(times, 'time')} and did not fire"


# The alert log


@sentence
def log_started() -> str:
    return "the alert log starts here"


def _unknown(rule: str) -> str:
    return f"this collector does not know the rule {rule}"


#: The value that each rule reads.
_SUBJECTS: Final = {
    "memory": "its memory usage",
    "filesystem_full": "the usage of this file system",
    "filesystem_readonly": "whether this file system is writable",
    "temperature": "its temperature",
    "clock_offset": "its time",
    "cpu": "its CPU usage",
    "under_voltage": "its voltage",
    "hardware_alarm": "its sensor alarms",
    "swap": "its swap usage",
    "pressure": "how long its tasks wait",
}
#: By rule and detail (a resource): the sentences when the condition begins and when it ends.
OF_NODE: Final[dict[tuple[str, str], tuple[Sentence[[str, float]], Sentence[[str, float]]]]] = {
    ("memory", ""): (memory_high, memory_down),
    ("temperature", ""): (temperature_high, temperature_down),
    ("cpu", ""): (cpu_high, cpu_down),
    ("swap", ""): (swap_high, swap_down),
    ("pressure", "io"): (pressure_io_high, pressure_io_down),
    ("pressure", "memory"): (pressure_memory_high, pressure_memory_down),
}
