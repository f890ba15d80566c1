"""Alerts of single-board computers: low voltage, alarms of sensors, swap, and waiting for disks and memory."""

import pytest

from collector.alerts.evaluate import MISSING_MEASURE_SECONDS, evaluate
from collector.alerts.rules import parse_rules

SENSOR = "soc:firmware_raspberrypi_hwmon/in0"
VOLTAGE = f"under_voltage/node6.lan/{SENSOR}"


@pytest.fixture
def evaluator(at):
    """Evaluate round after round; return kind, alert and message of each transition."""

    class Evaluator:
        def __init__(self):
            self.alerts = {}
            self.rules = parse_rules("swap: {enabled: true}\npressure: {enabled: true}")

        def transitions(self, seconds, *observations):
            self.alerts, transitions = evaluate(self.alerts, self.rules, observations, at(seconds))
            return [(transition.kind, transition.alert.id) for transition in transitions]

        def messages(self, seconds, *observations):
            self.alerts, transitions = evaluate(self.alerts, self.rules, observations, at(seconds))
            return [transition.alert.message for transition in transitions]

    return Evaluator()


def test_under_voltage_fires_as_critical_when_it_lasts_and_ends_after_its_keep_time(evaluator, online):
    low, well = online(under_voltage=(SENSOR,)), online(under_voltage=())

    assert evaluator.transitions(0, well) == []
    assert evaluator.messages(1, low) == [f"node6.lan: voltage is too low (sensor {SENSOR})"]
    assert evaluator.transitions(11, low) == [("firing", VOLTAGE)]
    [alert] = evaluator.alerts.values()
    assert (alert.severity, alert.value) == ("critical", None)
    assert evaluator.transitions(40, well) == []
    assert evaluator.messages(41, well) == [f"node6.lan: voltage is high enough again (sensor {SENSOR})"]


def test_under_voltage_is_one_alert_when_the_voltage_drops_for_moments(evaluator, online):
    # A Raspberry Pi reports each voltage drop for two seconds.
    transitions = [
        evaluator.transitions(seconds, online(under_voltage=(SENSOR,) if seconds % 6 == 0 else ()))
        for seconds in range(2, 61, 2)
    ]

    assert [transition for some in transitions for transition in some] == [("pending", VOLTAGE), ("firing", VOLTAGE)]


def test_under_voltage_does_not_fire_when_the_voltage_dropped_once(evaluator, online):
    assert evaluator.transitions(0, online(under_voltage=(SENSOR,))) == [("pending", VOLTAGE)]
    assert [evaluator.transitions(seconds, online(under_voltage=())) for seconds in (2, 12, 29)] == [[], [], []]
    assert evaluator.transitions(30, online(under_voltage=())) == [("resolved", VOLTAGE)]


def test_each_sensor_has_its_own_alert_when_several_raise_an_alarm(evaluator, online):
    begun = evaluator.transitions(0, online(hardware_alarms=("a/temp1", "b/in1")))
    assert begun == [("pending", "hardware_alarm/node6.lan/a/temp1"), ("pending", "hardware_alarm/node6.lan/b/in1")]

    assert evaluator.transitions(10, online(hardware_alarms=("b/in1",))) == [
        ("firing", "hardware_alarm/node6.lan/b/in1")
    ]
    assert evaluator.messages(40, online(hardware_alarms=("b/in1",))) == [
        "node6.lan: the critical alarm of sensor a/temp1 is over"
    ]
    assert [alert.severity for alert in evaluator.alerts.values()] == ["warning"]
    assert evaluator.alerts["hardware_alarm", "node6.lan", "b/in1"].message == (
        "node6.lan: sensor b/in1 reports a critical alarm"
    )


def test_alarm_stays_for_a_while_when_the_node_reports_no_sensors(evaluator, online):
    evaluator.transitions(0, online(under_voltage=(SENSOR,)))

    assert evaluator.transitions(MISSING_MEASURE_SECONDS, online()) == []
    assert evaluator.messages(MISSING_MEASURE_SECONDS + 1, online()) == ["node6.lan no longer reports its voltage"]


def test_alarm_of_a_sensor_ends_when_the_rule_leaves_it_out(evaluator, online):
    raised = online(hardware_alarms=("nct6798/in1", "coretemp/temp1"))
    evaluator.transitions(0, raised)
    evaluator.rules = parse_rules("hardware_alarm: {ignore: [nct6798/*]}")

    assert evaluator.messages(1, raised) == ["node6.lan: the rule hardware_alarm ignores nct6798/in1"]


def test_swap_and_pressure_make_no_alert_by_default(evaluator, online):
    evaluator.rules = parse_rules("")

    assert evaluator.transitions(0, online(swap_usage=100.0, pressure_io=100, pressure_memory=100)) == []


@pytest.mark.parametrize(
    ("fields", "better", "begun", "ended"),
    [
        (
            {"swap_usage": 80.0},
            {"swap_usage": 74.9},
            "node6.lan: swap is 80 % in use",
            "node6.lan: swap is down to 74.9 % in use",
        ),
        (
            {"pressure_io": 50},
            {"pressure_io": 39},
            "node6.lan: tasks wait 50 % of the time for a disk",
            "node6.lan: tasks wait only 39 % of the time for a disk",
        ),
        (
            {"pressure_memory": 61},
            {"pressure_memory": 0},
            "node6.lan: tasks wait 61 % of the time for memory",
            "node6.lan: tasks wait only 0 % of the time for memory",
        ),
    ],
)
def test_swap_and_pressure_make_alerts_when_they_last_for_five_minutes(evaluator, online, fields, better, begun, ended):
    assert evaluator.messages(0, online(**fields)) == [begun]
    assert [transition for transition, _ in evaluator.transitions(300, online(**fields))] == ["firing"]
    assert evaluator.messages(301, online(**better)) == [ended]


def test_pressure_of_one_resource_is_left_out_when_the_rule_says_so(evaluator, online):
    evaluator.rules = parse_rules("pressure: {enabled: true, ignore: [io]}")

    assert evaluator.transitions(0, online(pressure_io=99, pressure_memory=99)) == [
        ("pending", "pressure/node6.lan/memory")
    ]
