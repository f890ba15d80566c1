"""The golden codes are the codes of the collector, with their English texts."""

import importlib
import json
import pkgutil
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import collector.sentences
import contract
from collector.sentences import alerts, failures, files, targets
from collector.sentences.sentence import (
    SENTENCES,
    RestoredText,
    code_and_arguments,
    english,
    literal,
    matches_text,
    number,
    plural,
    size,
)
from contract.messages import Argument, Coded
from runtime.quoting import QUOTED_LENGTH

for _module in pkgutil.iter_modules(collector.sentences.__path__, "collector.sentences."):
    importlib.import_module(_module.name)


class Example(msgspec.Struct, forbid_unknown_fields=True):
    code: str
    args: dict[str, Argument]
    text: str


GOLDEN = Path(contract.__file__).parent / "golden" / "codes.json"
EXAMPLES = msgspec.json.decode(GOLDEN.read_bytes(), type=list[Example])


def test_every_sentence_has_a_golden_example_and_every_example_a_sentence():
    assert [example.code for example in EXAMPLES if example.code not in SENTENCES] == []
    assert [code for code in SENTENCES if code not in {example.code for example in EXAMPLES}] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code)
def test_golden_example_has_its_text(example):
    said = Coded(example.code, example.args)

    assert tuple(example.args) == SENTENCES[example.code].parameters
    assert english(said) == example.text


def test_golden_example_is_the_published_form():
    published = json.loads(msgspec.json.encode([Coded(example.code, example.args) for example in EXAMPLES]))

    assert published == [{"code": each["code"], "args": each["args"]} for each in json.loads(GOLDEN.read_bytes())]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code)
def test_cause_has_no_cause_and_a_sentence_is_bounded(example):
    causes = [value for value in example.args.values() if isinstance(value, Coded)]

    assert [value for cause in causes for value in cause.args.values() if isinstance(value, Coded)] == []
    assert len(example.code) <= 64
    assert len(example.args) <= 8


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code)
def test_text_has_correct_singulars_and_no_python_values(example):
    # The singular follows 1, and the text contains no Python literals.
    wrong = r"(?<![\w,.])1 (?!is\b|previous\b|series\b|ws\b)\w+s\b|\bNone\b|\bTrue\b|\{'|\.0 "
    assert re.search(wrong, example.text) is None


def test_text_of_an_alert_begins_with_its_node():
    of_a_node = [example for example in EXAMPLES if example.args.get("node")]

    assert len(of_a_node) > 30
    assert [example.text for example in of_a_node if not example.text.startswith(str(example.args["node"]))] == []


@pytest.mark.parametrize(
    "unknown",
    [
        Coded("said_by_a_later_release", {}),
        Coded("http_status", {"status": 500, "more": 1}),
        Coded("http_status", {}),
        Coded("cpu_high", {"node": "a", "percent": "high"}),
        Coded("figures_missing", {"node": "a", "figures": "gpu", "why": None}),
        Coded("node_offline", {"node": "a", "why": Coded("later", {})}),
        Coded("http_status", {"status": 503}),
    ],
)
def test_code_does_not_match_when_its_text_differs(unknown):
    assert not matches_text(unknown, "HTTP 500")


def test_code_matches_when_its_text_is_the_same():
    assert matches_text(failures.http_status(500), "HTTP 500")


def test_restored_text_is_unchanged_for_any_code():
    later = Coded("said_by_a_later_release", {"x": 1})

    assert english(RestoredText("as it was", later)) == "as it was"
    assert (
        code_and_arguments(RestoredText("as it was", later)),
        code_and_arguments(RestoredText("as it was", None)),
    ) == (later, None)


def test_sentence_accepts_arguments_by_position_and_by_name():
    assert alerts.cpu_high("a", percent=99.0) == Coded("cpu_high", {"node": "a", "percent": 99.0})


@pytest.mark.parametrize(
    ("value", "text"),
    [(98.0, "98"), (91.5, "91.5"), (0.0, "0"), (-3.25, "-3.25"), (86_400, "86,400"), (1e6, "1,000,000")],
)
def test_number_has_only_significant_decimals(value, text):
    assert number(value) == text


def test_words_agree_with_their_number():
    assert [plural(count, "target") for count in (0, 1, 2)] == ["0 targets", "1 target", "2 targets"]
    assert [size(count) for count in (2**20, 32 * 2**10, 1024 * 2**20)] == ["1 MiB", "32 KiB", "1,024 MiB"]


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("workers/3", "workers, entry 3"),
        ("master", "master"),
        ("group/2", "group 2"),
        ("group/2/target/5", "group 2, target 5"),
        ("group/2/entry/3", "group 2, entry 3"),
        ("group/2/master", "group 2, master"),
        ("group/2/label/__scheme__", "group 2, label __scheme__"),
        ("COLLECTOR_DNS_TARGETS", "COLLECTOR_DNS_TARGETS"),
    ],
)
def test_position_in_a_file_has_a_readable_name(where, name):
    assert targets.position_name(where) == name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"hots": "node1", "port": None}, "{hots: 'node1', port: null}"),
        ([True, 1.5, "a"], "[true, 1.5, 'a']"),
        ("a b", "'a b'"),
        (["a"] * 9, "['a', 'a', 'a', 'a', 'a', …]"),
        ([[[["deep"]]]], "[[[…]]]"),
        ({"a: b": 1}, "{'a: b': 1}"),
    ],
)
def test_literal_shows_a_value_as_yaml(value, text):
    assert literal(value) == text


@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(), lambda some: st.lists(some, max_size=9)))
def test_literal_is_one_short_line_for_any_value(value):
    text = literal(value)

    assert len(text) <= QUOTED_LENGTH
    assert text.isprintable()


def test_text_of_a_yaml_limit_has_the_limit():
    assert english(files.yaml_too_many_values(200_000)) == "the file has more than 200,000 values"
