"""Fuzzed targets files: a parser that raises only ``TargetsError``, and a cluster that no accident empties."""

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.targets.entry import TargetsError
from collector.targets.files import TargetsFile
from collector.targets.labels import labels_bytes
from collector.targets.parse import is_explicitly_empty, parse_entries
from collector.targets.target import TARGETS_LIMIT, discovered_targets, name_targets
from contract.messages import LABELS_BYTES

FILES = 10_000
#: Far more than the slowest file takes: a time limit for accidents, such as ranges of billions of hosts.
DEADLINE_SECONDS = 5.0
SEEDS = [
    "# Liste des noeuds\nworkers:\n  - node13.lan\n  - node6.lan\n\nmaster: node13.lan\n",
    """workers:
  - local
  - {host: "192.168.1.20:9200", name: oven, scheme: https, ca_file: ca.crt, labels: {rack: "07", owner: physics}}
  - "[fd00::6]:9100"
  - node[01-16,20].lan
groups:
  - labels: {rack: "07", zone: north}
    workers:
      - "rack[1-3]-node[1-4].lan"
      - oven.lan
      - {host: "tls[08-11]", scheme: https, labels: {zone: ""}}
    master: head.lan
  - labels:
      rack: a
      "on": yes please
    workers: []
master: {host: head2.lan, name: head}
simulated: true
""",
    json.dumps({"workers": ["a"], "groups": [{"labels": {"r": "é"}, "workers": ["n[1-9]"], "master": None}]}),
    json.dumps([{"targets": ["10.0.0.7:9100", "pi.lan"], "labels": {"__scheme__": "https", "rack": "2"}}], indent=1),
    "- targets: [pi.lan, 'pi:9200']\n  labels:\n    job: node\n    rack: 07\n- targets: []\n",
]
PIECES = [
    *"[]{}:,-'\"#&*!|>%@`?~\n\t \\/=.0123456789axé",
    "[1-99999]", "[1-99999][1-99999]", "[16-01]", "[01-100]", "[]", "[[1-2]]", "[1-" + "9" * 400 + "]", "[::1]:9100",
    "groups:\n", "workers:\n", "workers: []\n", "master: ", "labels: ", "labels: {__x: y}", "labels: {rack: 07}",
    "  - ", "\n- ", "rack: ", "on: 1", "null", "2026-12-01", "1e999", "<<: ", "\ud800", "\x00", "\ufeff", "\u2028",
    "&a ", "*a", "!!python/object:os.system ", "targets", "simulated: ", "x" * 300, "{host: ", "name: x, ", "12:30",
    "=",
]  # fmt: skip


def mutated(randomly):
    """Return a valid file with one to four changes."""
    text = randomly.choice(SEEDS)
    for _ in range(randomly.randint(1, 4)):
        at = randomly.randint(0, len(text))
        to = min(len(text), at + randomly.choice((0, 1, 1, 2, 5, 20, 80)))
        match randomly.randint(0, 5):
            case 0:
                text = text[:at] + text[to:]
            case 1 | 2:
                text = text[:at] + randomly.choice(PIECES) + text[at:]
            case 3:
                text = text[:at] + randomly.choice(PIECES) + text[to:]
            case 4:
                text = text[:to] + text[at:]
            case 5:
                lines = text.splitlines(keepends=True)
                randomly.shuffle(lines)
                text = text[:at] if randomly.random() < 0.5 else "".join(lines)
    return text


def is_valid(text):
    """Parse ``text`` as the collector does; check the targets or the text of the error."""
    try:
        entries = parse_entries(text)
        targets = [*name_targets([entries], "laptop"), *discovered_targets(entries, [])]
    except TargetsError as error:
        message = str(error)
    else:
        check(targets)
        return True
    assert message.isprintable(), repr(text)
    return False


def check(targets):
    assert len(targets) <= TARGETS_LIMIT
    assert len({target.node for target in targets}) == len(targets)
    for target in targets:
        assert list(target.labels) == sorted(target.labels)
        assert all(value.isprintable() and value for value in target.labels.values())
        assert not any(name.startswith("__") for name in target.labels)
        assert labels_bytes(target.labels) <= LABELS_BYTES


@pytest.mark.parametrize("part", range(10))
def test_parsing_raises_only_targets_errors_in_bounded_time_when_files_are_fuzzed(part):
    randomly = random.Random(part)
    accepted = 0
    slowest = 0.0
    for _ in range(FILES // 10):
        text = mutated(randomly)
        started = time.process_time()
        accepted += is_valid(text)
        slowest = max(slowest, time.process_time() - started)
    assert slowest < DEADLINE_SECONDS
    # The files are neither all valid nor all invalid, so both ways are tested.
    assert FILES // 100 < accepted < FILES // 10 - FILES // 100


def test_fuzzed_file_empties_no_cluster(tmp_path: Path):
    path = tmp_path / "nodes.yaml"
    valid = SEEDS[1]
    path.write_text(valid)
    file = TargetsFile(path, "laptop")
    file.read()
    file.accept()
    nodes = len(file.entries)
    assert nodes == 39
    randomly = random.Random(27)
    emptied = 0
    for _ in range(FILES // 10):
        text = mutated(randomly)
        path.write_text(text, errors="replace")
        file.read()
        file.accept()
        if not file.entries:
            emptied += 1
            assert is_explicitly_empty(path.read_text())
            path.write_text(valid)
            file.read()
            file.accept()
            assert len(file.entries) == nodes
    assert emptied < FILES // 100


_TEXTS = st.text(st.sampled_from("[]0123456789-,:._ax é\"'"), max_size=12)
_LABELS = st.dictionaries(_TEXTS, st.one_of(_TEXTS, st.integers(), st.booleans(), st.none()), max_size=4)
_ENTRIES = st.one_of(_TEXTS, st.fixed_dictionaries({}, optional={"host": _TEXTS, "name": _TEXTS, "labels": _LABELS}))
_HOLDERS = {"workers": st.none() | st.lists(_ENTRIES, max_size=4), "master": st.none() | _ENTRIES}
_GROUPS = st.lists(st.fixed_dictionaries({}, optional={**_HOLDERS, "labels": st.none() | _LABELS}), max_size=3)
_NODES = st.fixed_dictionaries({}, optional={**_HOLDERS, "groups": _GROUPS})
_ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | _TEXTS,
    lambda some: st.lists(some, max_size=3) | st.dictionaries(_TEXTS, some, max_size=3),
    max_leaves=10,
)
_TARGET_GROUPS = st.lists(
    st.fixed_dictionaries({"targets": st.lists(_TEXTS, max_size=3)}, optional={"labels": _LABELS | _ANY}), max_size=3
)
_ODD_NODES = st.fixed_dictionaries({}, optional=dict.fromkeys(("workers", "master", "groups", "simulated"), _ANY))


@given(st.one_of(_NODES, _TARGET_GROUPS, _ODD_NODES, _ANY))
def test_document_is_valid_or_raises_a_targets_error_for_any_document(document):
    is_valid(json.dumps(document))
