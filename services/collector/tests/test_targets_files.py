import asyncio
import errno
import gc
import json
import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from collector.sentences.sentence import english
from collector.targets.files import TargetsFiles
from collector.targets.target_groups import TargetGroups
from collector.yaml_file import SIZE_LIMIT_BYTES
from tests.drivers.waiting import until

DEADLINE_SECONDS = 20.0


def problems_of(followed):
    """Return the English texts of the problems."""
    return [english(problem) for problem in followed.problems]


class Files:
    """Two targets files and the object that follows them."""

    def __init__(self, folder, first, second):
        self.paths = [folder / "nodes.yaml", folder / "demo.yaml"]
        self.write(first, second)
        self.followed = TargetsFiles(self.paths)

    def write(self, *texts):
        for path, text in zip(self.paths, texts, strict=True):
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(text)

    def change(self, first, second):
        self.write(first, second)
        assert asyncio.run(self.followed.refresh())

    @property
    def nodes(self):
        return [target.node for target in self.followed.targets]


@pytest.fixture
def files(tmp_path):
    return lambda first, second: Files(tmp_path, first, second)


A, B = "workers: [a]", "workers: [b]"
X_IS_A, X_IS_B = "workers: [{host: a, name: x}]", "workers: [{host: b, name: x}]"
Y_IS_A, Y_IS_B = "workers: [{host: a, name: y}]", "workers: [{host: b, name: y}]"


@pytest.mark.parametrize(
    ("first", "second", "nodes"), [(A, B, ["a", "b"]), (None, B, ["b"]), (A, None, ["a"]), (None, None, [])]
)
def test_targets_come_from_all_existing_files(files, first, second, nodes):
    both = files(first, second)

    assert (both.nodes, problems_of(both.followed)) == (nodes, [])
    assert both.followed.path == both.paths[0]
    assert both.followed.is_missing == (first is None)


def test_targets_follow_when_a_file_changes_appears_or_disappears(files):
    both = files(A, None)

    both.change(A, B)
    assert both.nodes == ["a", "b"]
    both.change("workers: [c]", B)
    assert both.nodes == ["b", "c"]
    both.change("workers: [c]", None)
    assert both.nodes == ["c"]


def test_broken_file_keeps_its_targets_and_does_not_affect_other_files(files):
    both = files(A, B)

    both.change("workers: [", "workers: [b, c]")

    assert both.nodes == ["a", "b", "c"]
    [problem] = problems_of(both.followed)
    assert problem.startswith(
        f"The targets file {both.paths[0]} is not valid, its 1 previous target stays in use: not YAML"
    )
    both.change("workers: [d]", "workers: [b, c]")
    assert (both.nodes, problems_of(both.followed)) == (["b", "c", "d"], [])


@pytest.mark.parametrize("text", ["", "# nothing yet", "workers:", "{}", "workers: ~\nmaster: ~"])
def test_targets_stay_when_a_file_is_emptied(files, text):
    both = files(A, B)

    both.change(text, B)

    assert both.nodes == ["a", "b"]
    [problem] = problems_of(both.followed)
    assert problem == (
        f"The targets file {both.paths[0]} is not valid, its 1 previous target stays in use: "
        "it no longer lists any nodes; to remove all nodes, write workers: []"
    )


@pytest.mark.parametrize("text", ["workers: []", "workers: []\nmaster: ~", "[]", "- targets: []"])
def test_targets_are_removed_when_a_file_lists_none_on_purpose(files, text):
    both = files(A, B)

    both.change(text, B)

    assert (both.nodes, problems_of(both.followed)) == (["b"], [])


def test_targets_stay_when_the_word_workers_is_misspelt(files):
    both = files(A, None)

    both.change("worker: [a]", None)

    assert both.nodes == ["a"]
    assert "did you mean workers?" in problems_of(both.followed)[0]


def test_each_broken_file_is_named_when_there_are_several(files):
    both = files("workers: [", "workers: {}")

    assert both.nodes == []
    for path, problem in zip(both.paths, problems_of(both.followed), strict=True):
        assert problem.startswith(f"The targets file {path} is not valid: ")


def test_later_file_is_rejected_when_names_conflict_at_the_start(files):
    both = files(X_IS_A, X_IS_B)

    assert [target.address for target in both.followed.targets] == ["a:9100"]
    assert problems_of(both.followed) == [
        f"The targets file {both.paths[1]} conflicts with the other targets files: the name 'x' is given to 2 nodes"
    ]


def test_changed_file_is_rejected_when_its_names_conflict_with_other_files(files):
    both = files(A, X_IS_B)

    both.change(X_IS_A, X_IS_B)

    assert both.nodes == ["a", "x"]
    [problem] = problems_of(both.followed)
    assert problem.startswith(
        f"The targets file {both.paths[0]} conflicts with the other targets files, its 1 previous"
    )


def test_waiting_file_is_put_in_force_when_another_makes_room_for_it(files):
    both = files(A, X_IS_B)
    both.change(X_IS_A, X_IS_B)

    both.change(X_IS_A, B)

    assert (both.nodes, problems_of(both.followed)) == (["b", "x"], [])


def test_names_are_swapped_when_both_files_change_at_once(files):
    both = files(X_IS_A, Y_IS_B)

    both.change(Y_IS_A, X_IS_B)

    assert (both.nodes, problems_of(both.followed)) == (["x", "y"], [])


class Folder:
    """A folder of Prometheus files beside a nodes.yaml, and the object that follows them."""

    def __init__(self, folder):
        self.folder = folder / "file_sd"
        self.nodes = folder / "nodes.yaml"
        self.folder.mkdir()
        self.nodes.write_text("workers: [a]")
        self.followed = None

    def write(self, name, *targets):
        (self.folder / name).write_text(json.dumps([{"targets": targets}]))

    def follow(self):
        self.followed = TargetsFiles([self.nodes, self.folder / "*.json", self.folder / "b.json"])

    def refresh(self):
        return asyncio.run(self.followed.refresh())

    @property
    def hosts(self):
        return [entry.host for entry in self.followed.entries]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_files_that_match_a_pattern_are_read_in_order(folder):
    for name in ("b.json", "a.json", ".hidden.json", "c.yaml", "d.json.new"):
        folder.write(name, name[0])
    (folder.folder / "e.json").mkdir()

    folder.follow()

    assert (folder.hosts, problems_of(folder.followed)) == (["a", "a", "b"], [])
    assert [target.node for target in folder.followed.targets] == ["a"]


def test_targets_follow_when_matching_files_appear_change_and_disappear(folder):
    folder.follow()
    assert folder.hosts == ["a"]

    folder.write("x.json", "x")
    folder.write("b.json", "b")
    assert folder.refresh()
    assert folder.hosts == ["a", "b", "x"]
    folder.write("x.json", "y", "z")
    assert folder.refresh()
    assert folder.hosts == ["a", "b", "y", "z"]
    (folder.folder / "x.json").unlink()
    assert folder.refresh()
    assert folder.hosts == ["a", "b"]
    assert not folder.refresh()
    folder.write("x.json", "x")
    assert folder.refresh()
    assert folder.hosts == ["a", "b", "x"]


def test_new_file_is_read_only_after_it_has_settled(folder, half_written):
    folder.follow()
    (folder.folder / "x.json").write_text("[{")  # the first half

    assert asyncio.run(half_written(folder.followed.refresh, lambda: folder.write("x.json", "x"))) is False
    assert (folder.hosts, problems_of(folder.followed)) == (["a"], [])
    assert folder.refresh()
    assert folder.hosts == ["a", "x"]


def test_broken_file_keeps_its_targets_when_it_matches_a_pattern(folder):
    folder.write("x.json", "x", "y")
    folder.follow()

    (folder.folder / "x.json").write_text("[{")
    folder.refresh()

    assert folder.hosts == ["a", "x", "y"]
    [problem] = problems_of(folder.followed)
    assert problem.startswith(
        f"The targets file {folder.folder}/x.json is not valid, its 2 previous targets stay in use: not"
    )
    (folder.folder / "x.json").unlink()
    folder.refresh()
    assert (folder.hosts, problems_of(folder.followed)) == (["a"], [])


def test_other_files_are_read_when_a_link_points_to_itself(folder):
    folder.write("x.json", "x")
    (folder.folder / "y.json").symlink_to("y.json")

    folder.follow()

    assert folder.hosts == ["a", "x"]
    [problem] = problems_of(folder.followed)
    assert "/y.json is not valid: it cannot be read" in problem


def test_problem_is_one_short_line_of_utf8_when_the_name_of_a_file_is_not(folder):
    (Path(os.fsdecode(os.fsencode(folder.folder) + b"/\xff\n\x1b[31m" + b"n" * 200 + b".json"))).write_text("{")

    folder.follow()

    [problem] = problems_of(folder.followed)
    assert problem.isprintable()
    assert len(problem) < 400


def test_files_take_no_memory_after_they_are_read(folder):
    folder.follow()
    for number in range(20):
        (folder.folder / f"{number}.json").write_text("#" * SIZE_LIMIT_BYTES)
    tracemalloc.start()
    try:
        folder.refresh()
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(problems_of(folder.followed)) == 0
    assert held < 10 * SIZE_LIMIT_BYTES


def test_event_loop_runs_while_a_file_is_parsed(folder, monkeypatch):
    folder.follow()
    (folder.folder / "x.json").write_text("[]")
    is_parsing, may_end = threading.Event(), threading.Event()

    def parse(_):
        is_parsing.set()
        return TargetGroups(()) if may_end.wait(DEADLINE_SECONDS) else None

    async def run():
        refreshed = asyncio.create_task(folder.followed.refresh())
        await until(is_parsing.is_set)
        may_end.set()
        return await refreshed

    monkeypatch.setattr("collector.targets.files.parse_targets", parse)
    assert asyncio.run(run())


def test_files_stay_and_a_problem_is_reported_when_their_folder_cannot_be_read(folder, monkeypatch):
    folder.write("x.json", "x")
    folder.follow()

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("os.scandir", refuse)
        folder.refresh()
        assert folder.hosts == ["a", "x"]
        assert problems_of(folder.followed) == [
            f"The targets files {folder.folder}/*.json cannot be listed, "
            "the previous files stay in use: Permission denied"
        ]
    folder.refresh()
    assert (folder.hosts, problems_of(folder.followed)) == (["a", "x"], [])


def test_missing_folder_of_a_pattern_has_no_targets(tmp_path):
    files = TargetsFiles([tmp_path / "none" / "*.yaml"])

    assert (files.entries, problems_of(files), files.is_missing) == ([], [], True)
    assert files.unmatched == [tmp_path / "none" / "*.yaml"]


def test_listed_targets_are_unchanged_when_discovered_targets_conflict(folder):
    folder.nodes.write_text("workers: [a, {host: b, name: 'a:9200'}]")
    folder.write("x.json", "a:9200", "a", "b")

    folder.follow()

    assert [target.node for target in folder.followed.targets] == ["a", "a:9200"]
    assert problems_of(folder.followed) == []


def test_local_entry_has_the_name_of_the_setting(tmp_path):
    (tmp_path / "nodes.yaml").write_text("workers: [local, edge]")

    files = TargetsFiles([tmp_path / "nodes.yaml"], "edge")

    assert [(target.node, target.address) for target in files.targets] == [
        ("edge", "local"),
        ("edge:9100", "edge:9100"),
    ]


def test_log_warns_when_a_ca_file_has_no_effect(files, caplog):
    both = files("workers: [{host: a, scheme: https, insecure: true, ca_file: ca.crt}, b]", "workers: [c]")

    both.followed.log()

    assert "insecure: true: ca_file has no effect for a" in caplog.messages


def test_log_warns_when_certificates_are_not_checked(files, caplog):
    both = files("workers: [{host: a, scheme: https, insecure: true}, b]", "workers: [c]")

    both.followed.log()
    both.followed.log()  # again, as after a change of a file; the nodes are the same

    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning == "insecure: true: certificates are not checked for a"


def test_labels_that_are_left_out_are_a_remark_until_the_file_changes(folder):
    (folder.folder / "x.json").write_text('[{"targets": ["x"], "labels": {"a-b": "1", "rack": "2"}}]')
    folder.follow()

    assert problems_of(folder.followed) == []
    assert [(entry.host, entry.labels) for entry in folder.followed.entries] == [("a", {}), ("x", {"rack": "2"})]
    [remark] = map(english, folder.followed.remarks)
    assert remark.startswith(
        f"1 label in {folder.folder}/x.json is left out: group 1: 'a-b' is not the name of a label"
    )
    # While the new content is broken, the previous entries are in force, and so is the remark.
    (folder.folder / "x.json").write_text("[{")
    folder.refresh()
    assert len(folder.followed.remarks) == 1
    folder.write("x.json", "x")
    folder.refresh()
    assert folder.followed.remarks == []
