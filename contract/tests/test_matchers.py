"""Matchers: what they select, what they refuse, and how long they take."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.codec import decode
from contract.matchers import (
    EVERYTHING,
    KEYS_LIMIT,
    NODE_KEYS,
    PATTERN_LENGTH,
    PATTERNS_LIMIT,
    Glob,
    Identity,
    MatcherError,
    parse_matcher,
)
from contract.messages import Alerts, Subject
from contract.tests.test_golden import GOLDEN

NODE = Identity(node="node17.lan", address="10.0.0.17:9100", role="worker", labels={"rack": "a", "role": "oven"})
GROUP = Identity(rule="rack_down", severity="critical", subject="group", subject_name="rack=a", labels={"rack": "a"})


@pytest.mark.parametrize(
    ("matcher", "matches_node", "matches_group"),
    [
        ({}, True, True),
        ({"rack": "a"}, True, True),
        ({"rack": ["b", "a"]}, True, True),
        ({"rack": "b"}, False, False),
        ({"rack": "A"}, False, False),
        ({"rack": "*"}, True, True),
        ({"zone": "*"}, False, False),
        ({"node": "node1*"}, True, False),
        ({"node": "node1?.lan"}, True, False),
        ({"node": "ode17"}, False, False),
        ({"node": "*"}, True, False),
        ({"address": "10.0.0.*"}, True, False),
        ({"role": "worker"}, True, False),
        ({"role": ["master", "work*"], "rack": "a"}, True, False),
        ({"labels.role": "oven"}, True, False),
        ({"labels.role": "worker"}, False, False),
        ({"labels.rack": "a"}, True, True),
        ({"rule": "rack_*", "severity": ["critical", "warning"]}, False, True),
        ({"subject": "group", "subject_name": "rack=*"}, False, True),
        ({"temp": "oven"}, False, False),
    ],
)
def test_matcher_selects_by_all_keys_and_any_of_their_texts(
    matcher: dict[str, Any], matches_node: bool, matches_group: bool
) -> None:
    parsed = parse_matcher(matcher)
    assert (parsed.matches(NODE), parsed.matches(GROUP)) == (matches_node, matches_group)


@pytest.mark.parametrize(
    ("matcher", "problem", "position"),
    [
        ("rack: a", "not_a_mapping", ()),
        (["rack"], "not_a_mapping", ()),
        ({"rack": 7}, "not_a_text", ("rack",)),
        ({"rack": ["a", 7]}, "not_a_text", ("rack", 1)),
        ({"on": True}, "not_a_text", ("on",)),
        ({"temp": {"above": 70}}, "not_a_text", ("temp",)),
        ({"rack": None}, "not_a_text", ("rack",)),
        ({"rack": []}, "no_patterns", ("rack",)),
        ({"rack": ""}, "empty", ("rack",)),
        ({"temp>70": "1"}, "no_such_key", ("temp>70",)),
        ({"labels.": "a"}, "no_such_key", ("labels.",)),
        ({7: "a"}, "no_such_key", (7,)),
        ({"role": "wroker"}, "no_such_value", ("role",)),
        ({"severity": "fatal"}, "no_such_value", ("severity",)),
        ({"rule": "cpu"}, "key_not_here", ("rule",)),
        ({"rack": "a" * (PATTERN_LENGTH + 1)}, "too_long", ("rack",)),
        ({"rack": ["a"] * (PATTERNS_LIMIT + 1)}, "too_many_patterns", ("rack",)),
        ({f"l{number}": "a" for number in range(KEYS_LIMIT + 1)}, "too_many_keys", ()),
    ],
)
def test_error_names_the_problem_and_its_position_when_a_matcher_is_not_valid(
    matcher: object, problem: str, position: tuple[str | int, ...]
) -> None:
    allowed = NODE_KEYS if problem == "key_not_here" else (*NODE_KEYS, "severity")
    with pytest.raises(MatcherError) as raised:
        parse_matcher(matcher, allowed)
    assert (raised.value.problem, raised.value.position) == (problem, position)


def test_patterns_of_the_contract_are_read_again_unchanged() -> None:
    matcher = parse_matcher({"labels.rack": "a", "labels.role": ["x", "y*"], "role": "master", "rack": "b"})
    assert matcher.to_patterns() == {"rack": ("a", "b"), "labels.role": ("x", "y*"), "role": ("master",)}
    assert parse_matcher(matcher.to_patterns()) == matcher
    assert EVERYTHING.to_patterns() == {}
    assert parse_matcher({"rack": ["a", "b*", "*c", "d?", "?*"], "node": "*"}).slow_globs == 3


def test_identity_of_an_alert_has_its_labels_and_subject() -> None:
    alert = decode((GOLDEN / "messages" / "alerts.json").read_bytes(), Alerts).active_alerts[0]
    identity = Identity.of_alert(alert, role="worker")
    assert (identity.node, identity.rule, identity.role) == (alert.node, alert.rule, "worker")
    group = replace(alert, node="", labels={"rack": "a"}, subject=Subject(kind="group", name="rack=a"))
    about = Identity.of_alert(group)
    assert (about.node, about.subject, about.subject_name, about.labels) == ("", "group", "rack=a", {"rack": "a"})


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_glob_matches_the_whole_text_as_a_shell_does(pattern: str, text: str) -> None:
    assert Glob(pattern).matches(text) == fnmatchcase(text, pattern)
    if pattern and text:
        assert parse_matcher({"rack": pattern}).matches(Identity(labels={"rack": text})) == fnmatchcase(text, pattern)


class CountedText(str):
    """A text that counts how many of its characters were read."""

    __slots__ = ("characters_read",)

    def __iter__(self) -> Iterator[str]:
        self.characters_read = 0
        for character in super().__iter__():
            self.characters_read += 1
            yield character


@pytest.mark.parametrize("pattern", ["*a" * 20, "*a" * 120 + "b", "*aab" * 60, "*?" * 100 + "b", "a*" * 128])
def test_glob_reads_each_character_once_when_a_pattern_is_hostile(pattern: str) -> None:
    text = CountedText("a" * 5000)
    Glob(pattern).matches(text)
    assert text.characters_read <= len(text)
