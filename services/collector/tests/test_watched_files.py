import asyncio
import os
import subprocess
import sys

import pytest

from collector.alerts.rules import InvalidRulesFile, RulesFile, built_in_rules
from collector.sentences.sentence import english
from collector.targets.files import TargetsFiles
from collector.yaml_file import SIZE_LIMIT_BYTES, FileContent, WatchedFile
from tests.drivers.waiting import until


def problems_of(followed):
    """Return the English texts of the problems."""
    return [english(problem) for problem in followed.problems]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "nodes.yaml"
    path.write_text("workers: [a]\n")
    return path


def write_in_place(path, text):
    path.write_text(text)


def replace_by_rename(path, text):
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def remove_and_create(path, text):
    path.unlink()
    path.write_text(text)


def same_size_and_time(path, text):
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def names(file):
    return [target.node for target in file.targets]


def test_number_of_targets_is_logged_only_after_a_valid_edit(path, caplog):
    caplog.set_level("INFO")
    file = TargetsFiles([path])

    path.write_text("workers: {\n")
    asyncio.run(file.refresh())
    assert [record.levelname for record in caplog.records] == ["WARNING"]

    path.write_text("workers: [b]\n")
    asyncio.run(file.refresh())
    assert caplog.messages[1:] == [f"1 target in {path}"]


@pytest.mark.parametrize("edit", [write_in_place, replace_by_rename, remove_and_create, same_size_and_time])
def test_targets_follow_every_way_in_which_editors_write_the_file(path, edit):
    file = TargetsFiles([path])
    assert names(file) == ["a"]

    edit(path, "workers: [b]\n")

    assert asyncio.run(file.refresh())
    assert names(file) == ["b"]
    assert not asyncio.run(file.refresh())


def test_targets_follow_when_a_config_map_is_switched(tmp_path):
    for version, host in (("1", "a"), ("2", "b")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "nodes.yaml").write_text(f"workers: [{host}]")
    (tmp_path / "data").symlink_to("1")
    (tmp_path / "nodes.yaml").symlink_to("data/nodes.yaml")
    file = TargetsFiles([tmp_path / "nodes.yaml"])

    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").rename(tmp_path / "data")

    assert asyncio.run(file.refresh())
    assert names(file) == ["b"]


@pytest.mark.parametrize("broken", ["workers: [", "workers: [a b]", "\x00"])
def test_targets_stay_and_a_problem_is_reported_when_the_file_becomes_invalid(path, broken):
    file = TargetsFiles([path])

    path.write_text(broken)
    asyncio.run(file.refresh())

    assert names(file) == ["a"]
    [problem] = problems_of(file)
    assert problem.startswith(f"The targets file {path} is not valid, its 1 previous target stays in use: ")
    path.write_text("workers: [b]")
    asyncio.run(file.refresh())
    assert (names(file), problems_of(file)) == (["b"], [])


def test_missing_file_has_no_targets(tmp_path):
    file = TargetsFiles([tmp_path / "none.yaml"])

    assert (file.targets, problems_of(file), file.is_missing) == ((), [], True)
    (tmp_path / "none.yaml").write_text("workers: [a]")
    assert asyncio.run(file.refresh())
    assert names(file) == ["a"]
    (tmp_path / "none.yaml").unlink()
    assert asyncio.run(file.refresh())
    assert names(file) == []


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda path: path.mkdir(), "it is not a file"),
        (lambda path: os.mkfifo(path), "it is not a file"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "it is not UTF-8 text"),
        (lambda path: path.write_bytes(b"#" * (SIZE_LIMIT_BYTES + 1)), "it is longer than 1 MiB"),
    ],
)
def test_problem_names_the_cause_when_the_file_cannot_be_read(tmp_path, make, cause):
    make(tmp_path / "nodes.yaml")

    file = TargetsFiles([tmp_path / "nodes.yaml"])

    assert problems_of(file) == [f"The targets file {tmp_path / 'nodes.yaml'} is not valid: {cause}"]


def test_event_loop_runs_when_a_file_becomes_a_fifo_while_it_is_read(tmp_path):
    # Given two names; one of them is a FIFO without a writer
    path, other = tmp_path / "nodes.yaml", tmp_path / "other"
    path.write_text("workers: [a]")
    os.mkfifo(other)
    exchange = "import os, sys\na, b, c = sys.argv[1:]\nwhile True: os.rename(a, c); os.rename(b, a); os.rename(c, b)"
    swapping = subprocess.Popen([sys.executable, "-c", exchange, path, other, tmp_path / "third"])
    try:
        # When the file is read repeatedly
        file = WatchedFile(path)
        errors = {error and english(error) for error in (file.read().error for _ in range(5000))}
    finally:
        swapping.kill()
        swapping.wait()
    # Then no read waits for the FIFO
    assert errors <= {None, "it is not a file"}


def test_change_is_read_only_after_the_file_has_settled(path, half_written):
    file = WatchedFile(path)
    file.read()
    path.write_text("workers: [")  # the first half

    async def run():
        return await half_written(file.changed, lambda: path.write_text("workers: [b]")), await until(file.changed)

    assert asyncio.run(run()) == (None, FileContent("workers: [b]"))


def test_rules_are_the_built_in_ones_when_no_file_is_named():
    file = RulesFile(None)
    asyncio.run(file.refresh())

    assert (file.rules, file.problem) == (built_in_rules(), None)


def test_rules_follow_when_their_file_changes(tmp_path):
    path = tmp_path / "alerts.yaml"
    path.write_text("cpu: {enabled: true}")
    file = RulesFile(path)
    assert file.rules["cpu"].enabled

    path.write_text("cpu: {threshold: 50}")
    asyncio.run(file.refresh())
    assert (file.rules["cpu"].enabled, file.rules["cpu"].threshold) == (False, 50)

    path.write_text("cpu: {threshold: much}")
    asyncio.run(file.refresh())
    assert file.rules["cpu"].threshold == 50
    assert file.problem is not None
    assert english(file.problem).startswith(
        f"The rules file {path} is not valid, the previous rules stay in force: cpu: threshold"
    )

    path.unlink()
    asyncio.run(file.refresh())
    assert file.rules["cpu"].threshold == 50
    assert "there is no such file" in english(file.problem)


@pytest.mark.parametrize(
    ("text", "cause"), [(None, "there is no such file"), ("cpu: 1", "cpu: 1 must be a mapping of fields")]
)
def test_rules_file_is_rejected_when_it_is_not_valid_at_the_start(tmp_path, text, cause):
    path = tmp_path / "alerts.yaml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(InvalidRulesFile, match=f"the rules file {path} is not valid: {cause}"):
        RulesFile(path)
