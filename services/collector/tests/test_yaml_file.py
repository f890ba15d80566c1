import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.alerts.rules import parse_rules
from collector.alerts.rules_syntax import RulesError
from collector.targets.entry import TargetsError
from collector.targets.parse import parse_entries
from collector.targets.target import name_targets
from collector.yaml_file import EVENTS_LIMIT, PLAIN_LIMIT, YamlError, read_yaml
from tests.drivers.process import ROOT

#: Nine lists, each with nine aliases of the previous list: 9^9 texts when expanded.
ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{former}'] * 9)}]\n" for former, name in zip("abcdefgh", "bcdefghi", strict=True)
)
DEEP = "[" * 200_000

# Reads a text from standard input as a file of the given kind, within 400 MB of memory.
READER = """
import resource, sys
from collector.alerts.rules import parse_rules
from collector.alerts.rules_syntax import RulesError
from collector.targets.entry import TargetsError
from collector.targets.parse import parse_entries
resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))
try:
    {"targets": parse_entries, "rules": parse_rules}[sys.argv[1]](sys.stdin.read())
except (TargetsError, RulesError) as error:
    print(error)
"""


@pytest.mark.parametrize("kind", ["targets", "rules"])
@pytest.mark.parametrize(
    ("text", "error_text"),
    [
        (ALIASES + "workers: [*i]\nmemory: *i\n", "YAML anchors (&name) are not supported, in line 1"),
        (DEEP, "lists and mappings are nested more than 20 levels deep, in line 1"),
        ("workers: " + DEEP, "lists and mappings are nested more than 20 levels deep, in line 1"),
        ("? " * 100_000, "lists and mappings are nested more than 20 levels deep, in line 1"),
    ],
    ids=["aliases", "a deep list", "a deep value", "a deep key"],
)
def test_file_is_rejected_in_bounded_memory_when_its_content_would_grow(kind, text, error_text):
    done = subprocess.run(
        [sys.executable, "-c", READER, kind], input=text, capture_output=True, text=True, cwd=ROOT, timeout=120
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{error_text}\n", "")


@pytest.mark.parametrize(
    ("text", "error_text"),
    [
        ("workers:\n- *a", "YAML aliases (*name) are not supported, in line 2"),
        ("workers: &a [b]", "YAML anchors (&name) are not supported, in line 1"),
        ("workers: !!set {b}", "YAML tags (!name) are not supported, in line 1"),
        ("workers: !!int ''", "YAML tags (!name) are not supported, in line 1"),
        ("workers: [1" + ":1" * PLAIN_LIMIT + "]", "characters needs quotes, in line 1"),
        ("[]\n---\n[]", "but found another document, in line 2"),
        ("%YAML 1.1\n---\n[]", "YAML directives (%NAME) are not supported, in line 1"),
        ("# x\n%TAG ! !\n---\n[]", "YAML directives (%NAME) are not supported, in line 2"),
        ("[]\n...\r%TAG ! !\r---\r[]", "YAML directives (%NAME) are not supported"),
        ("? [a]\n: b", "expected a scalar node, but found sequence, in line 1"),
        ("- []\n" * EVENTS_LIMIT, f"the file has more than {EVENTS_LIMIT:,} values"),
    ],
)
def test_yaml_is_rejected_with_its_line_when_it_is_unsupported(text, error_text):
    with pytest.raises(YamlError, match=".*" + error_text.replace("(", r"\(").replace(")", r"\)").replace("*", r"\*")):
        read_yaml(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1\na: 2", {"a": 2}),
        ("a: 1\n<<: {b: 2}", {"a": 1, "<<": {"b": 2}}),
        ("1: a\ntrue: 50%\n~: {2: b}", {"1": "a", "true": "50%", "~": {"2": "b"}}),
        ("[a, 'b', \"c\", 1, 1.5, true, ~]", ["a", "b", "c", 1, 1.5, True, None]),
        ("!!str 12", "12"),
        ("'*a'", "*a"),
        ("[[[[[]]]]]", [[[[[]]]]]),
        ("'" + "1" * (PLAIN_LIMIT + 1) + "'", "1" * (PLAIN_LIMIT + 1)),
    ],
)
def test_yaml_is_read_when_it_is_plain(text, value):
    assert read_yaml(text) == value


@given(st.lists(st.sampled_from([*"[]{}:,-?!&*#|>'\"%@`~<=\n ", "!!int", "0x", "1:", "2001-1-1", "a"])).map("".join))
def test_yaml_returns_a_value_or_raises_for_any_text(text):
    try:
        read_yaml(text)
        error_text = ""
    except YamlError as error:
        error_text = str(error)
    assert len(error_text) < 200


@pytest.mark.parametrize(
    "text",
    [
        "workers: [{host: a, other: " + "x" * 100_000 + "}]",
        "workers: [" + "a" * 100_000 + "]",
        "workers: [" + "a" * 9_000 + "://]",
        "workers: [{host: a, name: " + "'" + "x" * 100_000 + "'}]",
        "workers: [0x" + "f" * 9_000 + "]",
        "workers: [[" + "a, " * 10_000 + "]]",
        "[{targets: [" + "'a b" + "c" * 100_000 + "']}]",
        "[{target: [" + "a, " * 10_000 + "]}]",
        "workers: !" + "a" * 100_000,
        "workers: *" + "a" * 100_000,
        "%" + "a" * 100_000,
        "workers: [{host: a, name: " + "x" * 200 + "}, {host: b, name: " + "x" * 200 + "}]",
    ],
)
def test_targets_error_stays_short_when_the_quoted_value_is_long(text):
    with pytest.raises(TargetsError) as raised:
        name_targets([parse_entries(text)], "laptop")

    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "x" * 9_000 + ": 1",
        "memory: " + "x" * 9_000,
        "memory: {" + "x" * 9_000 + ": 1}",
        "memory: {threshold: '" + "1" * 100_000 + "'}",
        "memory: {threshold: 0x" + "f" * 9_000 + "}",
        "memory: {severity: [" + "a, " * 10_000 + "]}",
    ],
)
def test_rules_error_stays_short_when_the_quoted_value_is_long(text):
    with pytest.raises(RulesError) as raised:
        parse_rules(text)

    assert len(str(raised.value)) < 300
