from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contract
from collector.alerts.rules import built_in_rules, parse_rules, rules_in_force
from collector.alerts.rules_syntax import ERRORS_LIMIT, OWN_RULES_LIMIT, RulesError, read_rules
from contract.codec import decode
from contract.messages import RulesInForce

GOLDEN = Path(contract.__file__).parent / "golden" / "messages" / "rules.json"


def test_rules_are_the_built_in_rules_when_the_user_changes_nothing():
    rules = built_in_rules()

    assert [(rule.name, rule.enabled) for rule in rules.values()] == [
        ("node_down", True),
        ("memory", True),
        ("filesystem_full", True),
        ("filesystem_readonly", True),
        ("temperature", True),
        ("clock_offset", True),
        ("cpu", False),
        ("under_voltage", True),
        ("hardware_alarm", True),
        ("swap", False),
        ("pressure", False),
    ]
    assert [name for name, rule in rules.items() if rule.severity == "critical"] == [
        "filesystem_readonly",
        "under_voltage",
    ]
    assert (rules["node_down"].severity_of("worker"), rules["node_down"].severity_of("master")) == (
        "warning",
        "critical",
    )
    assert rules["clock_offset"].threshold == 2
    assert all(rule.clear < rule.threshold for rule in rules.values() if rule.threshold is not None)
    assert parse_rules("") == rules


def test_rules_match_the_golden_example():
    own = "{metric: offline_share, by: rack, threshold: 20, for_seconds: 10, match: {role: worker}, overrides: %s}"
    rules = parse_rules("rack_down: " + own % "[{match: {rack: [a, b*]}, severity: critical}]")
    in_force = {rule.name: rule for rule in rules_in_force(rules)}

    golden = decode(GOLDEN.read_bytes(), RulesInForce).rules
    assert [in_force[rule.name] for rule in golden] == list(golden)


def test_single_fields_change_when_the_user_names_them():
    rules = parse_rules("cpu: {enabled: true}\nmemory: {severity: critical, for_seconds: 5, threshold: 95, clear: 80}")

    assert rules["cpu"].enabled
    memory = rules["memory"]
    assert (memory.severity, memory.for_seconds, memory.threshold, memory.clear) == ("critical", 5, 95, 80)
    assert rules["temperature"] == built_in_rules()["temperature"]


@pytest.mark.parametrize(
    ("fields", "of_worker", "of_master"),
    [
        ("severity: critical", "critical", "critical"),
        ("severity: info", "info", "info"),
        ("master_severity: warning", "warning", "warning"),
        ("severity: info, master_severity: warning", "info", "warning"),
        ("for_seconds: 5", "warning", "critical"),
    ],
)
def test_severity_applies_to_all_nodes_when_the_user_sets_none_for_the_master(fields, of_worker, of_master):
    rule = parse_rules(f"node_down: {{{fields}}}")["node_down"]

    assert (rule.severity_of("worker"), rule.severity_of("master")) == (of_worker, of_master)


def test_clear_keeps_its_distance_when_only_the_threshold_changes():
    assert parse_rules("temperature: {threshold: 70}")["temperature"].clear == 65


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[", "not YAML"),
        ("- memory", "it must have the form rule"),
        ("gpu: {threshold: 1}", "'gpu' is not a rule; the rules are node_down, memory"),
        (
            "temprature: {threshold: 1}",
            r"'temprature' is not a rule \(did you mean temperature\?\); a rule of your own needs metric",
        ),
        ("memory: {treshold: 1}", r"'treshold' is not a field of this rule \(did you mean threshold\?\)"),
        ("hot: {metric: cpu_usage,\n  treshold: 80}", r"hot: 'treshold' .*mean threshold\?\), in line 2"),
        ("down: {metric: offline_share,\n  bye: a, threshold: 1}", r"down: 'bye' is not .*, in line 2"),
        ("memory: 95", "memory: 95 must be a mapping of fields"),
        ("memory: {treshold: 1}", "memory: 'treshold' is not a field of this rule"),
        (
            "node_down: {threshold: 1}",
            "'threshold' is not a field of this rule; its fields are enabled, severity, for_seconds, keep_sec",
        ),
        ("memory: {ignore: []}", "'ignore' is not a field"),
        ("memory: {threshold: 101}", "memory: threshold 101 must be a number from 0 to 100"),
        ("memory: {threshold: high}", "must be a number"),
        ("memory: {threshold: true}", "must be a number"),
        ("memory: {threshold: .nan}", "must be a number"),
        ("memory: {clear: 95}", "clear 95 must not be above threshold 90"),
        ("memory: {for_seconds: -1}", "for_seconds -1 must be a number from 0"),
        ("memory: {for_seconds: .inf}", "must be a number"),
        ("memory: {severity: fatal}", "must be one of info, warning, critical"),
        ("memory: {severity: [warning]}", "must be one of"),
        ("memory: {master_severity: info}", "'master_severity' is not a field"),
        ("node_down: {master_severity: fatal}", "must be one of info, warning, critical"),
        ("memory: {enabled: 1}", "must be true or false"),
        ("memory: {keep_seconds: -1}", "keep_seconds -1 must be a number from 0"),
        ("filesystem_full: {ignore: /boot}", "must be a list of mount points"),
        (f"filesystem_full: {{ignore: [{'a, ' * 101}]}}", "must have up to 100 texts of up to 256 characters"),
        (f"filesystem_full: {{ignore: ['{'[' * 257}']}}", "must have up to 100 texts of up to 256 characters"),
        ("temperature: {ignore_sensors: CPUTIN}", "must be a list of sensors, for instance [{chip: nct6775"),
        ("temperature: {ignore_sensors: [CPUTIN]}", "must have a chip, a label or both"),
        ("temperature: {ignore_sensors: [{}]}", "must have a chip, a label or both"),
        ("temperature: {ignore_sensors: [{lable: CPUTIN}]}", "must have a chip, a label or both"),
        ("temperature: {ignore_sensors: [{label: 7}]}", "7 must be a text of up to 128 characters"),
        (f"temperature: {{ignore_sensors: [{{label: {'a' * 129}}}]}}", "must be a text of up to 128 characters"),
        (f"temperature: {{ignore_sensors: {[{'label': 'a'}] * 101}}}", "must have up to 100 sensors"),
        ("cpu: {ignore_sensors: []}", "'ignore_sensors' is not a field of this rule"),
        ("under_voltage: {ignore: in0}", "must be a list of sensors"),
        ("pressure: {ignore: io}", "must be a list of resources, for instance [io]"),
    ],
)
def test_rules_error_names_rule_and_field_when_a_value_is_not_valid(text, error):
    with pytest.raises(RulesError, match=error.replace("[", r"\[")):
        parse_rules(text)


@given(st.text())
def test_parsing_returns_all_rules_or_raises_for_any_text(text):
    try:
        rules = parse_rules(text)
    except RulesError:
        return
    assert rules.keys() == built_in_rules().keys()


@pytest.mark.parametrize(
    ("measure", "is_active", "is_met"), [(90, False, True), (89.9, False, False), (85, True, True), (84.9, True, False)]
)
def test_condition_begins_at_the_threshold_and_ends_below_clear(measure, is_active, is_met):
    assert built_in_rules()["memory"].is_met(measure, is_active=is_active) is is_met


OWN = "hot: {metric: temperature, threshold: 70"


def test_own_rule_has_the_defaults_of_the_documentation():
    rule = parse_rules(OWN + "}")["hot"]

    assert (rule.enabled, rule.severity, rule.for_seconds, rule.keep_seconds) == (True, "warning", 60, 0)
    assert (rule.threshold, rule.clear, rule.by, rule.overrides) == (70, 70, None, ())


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("memory:\n  threshold: 1\ncpu:\n  threshold: 101", 4, "cpu: threshold 101 must be a number"),
        ("memory: {}\nmemori:\n  threshold: 1", 2, "'memori' is not a rule"),
        ("a:\n  metric: gpu\n  threshold: 1", 2, "a: metric 'gpu' must be one of offline_share, cpu_usage, cpu_count"),
        ("A1: {metric: load1, threshold: 1}", 1, "'A1' cannot be a rule's name"),
        ("a:\n  metric: load1", 1, "a: threshold is missing"),
        ("a: {metric: load1, threshold: 0}", 1, "threshold 0 must be a number from 0.01 to"),
        ("a: {metric: swap_usage, threshold: 80, clear: 0}", 1, "clear 0 must be a number from 0.1 to 100"),
        ("a: {metric: swap_usage, threshold: 80, clear: 90}", 1, "clear 90 must not be above threshold 80"),
        ("a: {metric: swap_usage, threshold: 80, ignore: []}", 1, "'ignore' is not a field of this rule"),
        ("a: {metric: swap_usage, threshold: 80, by: rack}", 1, "'by' is not a field of this rule"),
        ("a: {metric: offline_share, threshold: 20}", 1, "a: by is missing"),
        ("a:\n  metric: offline_share\n  threshold: 20\n  by: 7", 4, "by 7 must be the name of a label"),
        ("a: {metric: offline_share, threshold: 0, by: rack}", 1, "must be a number from 0.1 to 100"),
        ("memory: {metric: load1}", 1, "'metric' is not a field of this rule"),
        ("memory:\n  match:\n    rack:\n      - a\n      - 07", 5, "match/rack 7 must be a text; write numbers"),
        ("memory:\n  match:\n    zone: a\n    on: yes", 4, "match/on true must be a text"),
        ("memory: {match: {rack: 2026-01-01}}", 1, "match/rack 2026-01-01 must be a text"),
        ("memory: {match: {rack: []}}", 1, "match/rack must not be empty"),
        ("memory: {match: rack}", 1, "match 'rack' must have the form"),
        ("memory: {match: {severity: info}}", 1, "match: 'severity' cannot be used here; the keys are node, address"),
        ("memory: {match: {temp>70: a}}", 1, "match: 'temp>70' is not a label"),
        ("memory: {match: {role: [worker, boss]}}", 1, "match/role 'boss' must be one of worker, master"),
        (f"memory: {{match: {{rack: {'a' * 257}}}}}", 1, "match/rack must have up to 100 texts of up to 256"),
        ("memory: {overrides: {rack: a}}", 1, "overrides {rack: 'a'} must have the form"),
        ("memory:\n  overrides:\n  - {match: {rack: a}, severity: info}\n  - 7", 4, "overrides/2 7 must have the form"),
        ("memory:\n  overrides:\n  - threshold: 1", 3, "memory: overrides/1/match is missing"),
        ("memory: {overrides: [{match: {}, threshold: 1}]}", 1, "overrides/1/match must not be empty"),
        ("memory: {overrides: [{match: {rack: a}}]}", 1, "overrides/1 must have at least one of threshold, clear"),
        ("memory: {overrides: [{match: {rack: a}, for_seconds: 1}]}", 1, "'overrides/1/for_seconds' is not a field"),
        ("node_down: {overrides: [{match: {rack: a}, threshold: 1}]}", 1, "'overrides/1/threshold' is not a field"),
        ("memory:\n  overrides:\n  - match: {rack: a}\n    clear: 95", 4, "clear 95 must not be above threshold 90"),
        ("memory: {overrides: [{match: {rack: a}, severity: x}]}", 1, "overrides/1/severity 'x' must be one of"),
        (f"memory: {{overrides: {[{'match': {'rack': 'a'}, 'severity': 'info'}] * 51}}}", 1, "up to 50 overrides"),
        (
            "a: {metric: offline_share, by: role, threshold: 9, overrides: [{match: {rack: a}, severity: info}]}",
            1,
            "overrides/1/match: 'rack' cannot be used here; the keys are labels.role",
        ),
    ],
)
def test_error_has_the_line_of_the_value(text, line, error):
    with pytest.raises(RulesError) as raised:
        parse_rules(text)
    assert error in str(raised.value)
    assert raised.value.line == line


def test_file_has_a_bounded_number_of_own_rules():
    text = "".join(f"own{number}: {{metric: load1, threshold: 1}}\n" for number in range(OWN_RULES_LIMIT))
    parse_rules(text)

    with pytest.raises(RulesError, match=r"more than 100 rules of your own, in line 101"):
        parse_rules(text + OWN + "}")


def test_file_has_a_bounded_number_of_patterns_that_take_long():
    def rules(pattern):
        match = f"{{rack: {[pattern] * 100}}}"
        return "".join(f"own{number}: {{metric: load1, threshold: 1, match: {match}}}\n" for number in range(6))

    parse_rules(rules("a*"))
    with pytest.raises(RulesError, match=r"more than 500 patterns with \? or with \* before the end"):
        parse_rules(rules("*a"))


def test_reading_returns_the_first_errors_in_the_order_of_the_file():
    text = "memory: {threshold: 101, clear: x}\nhot: {}\n" + "".join(f"bad{number}: 1\n" for number in range(50_000))

    rules, errors = read_rules(text, built_in_rules())

    assert [error.line for error in errors] == [1, 1, 2, *range(3, ERRORS_LIMIT)]
    assert rules["cpu"] == built_in_rules()["cpu"]
