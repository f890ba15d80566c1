import asyncio

import pytest

from collector.targets_files import TargetsFiles


class Files:
    """Two targets files and what follows them."""

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
def test_targets_are_those_of_all_files_that_are_there(files, first, second, nodes):
    both = files(first, second)

    assert (both.nodes, both.followed.problems) == (nodes, [])
    assert both.followed.path == both.paths[0]
    assert both.followed.is_missing == (first is None)


def test_targets_follow_when_any_file_changes_comes_or_goes(files):
    both = files(A, None)

    both.change(A, B)
    assert both.nodes == ["a", "b"]
    both.change("workers: [c]", B)
    assert both.nodes == ["b", "c"]
    both.change("workers: [c]", None)
    assert both.nodes == ["c"]


def test_broken_file_keeps_its_targets_and_leaves_the_others_alone(files):
    both = files(A, B)

    both.change("workers: [", "workers: [b, c]")

    assert both.nodes == ["a", "b", "c"]
    [problem] = both.followed.problems
    assert problem.startswith(f"The targets file {both.paths[0]} is not valid, the former 1 targets stay: not YAML")
    both.change("workers: [d]", "workers: [b, c]")
    assert (both.nodes, both.followed.problems) == (["b", "c", "d"], [])


def test_each_broken_file_is_named_when_there_are_several(files):
    both = files("workers: [", "workers: {}")

    assert both.nodes == []
    for path, problem in zip(both.paths, both.followed.problems, strict=True):
        assert problem.startswith(f"The targets file {path} is not valid: ")


def test_later_file_is_the_broken_one_when_names_clash_at_the_start(files):
    both = files(X_IS_A, X_IS_B)

    assert [target.address for target in both.followed.targets] == ["a:9100"]
    assert both.followed.problems == [
        f"The targets file {both.paths[1]} is not valid: together with the other targets files, "
        "the name 'x' is given to 2 nodes"
    ]


def test_changed_file_is_the_broken_one_when_its_names_clash_with_others(files):
    both = files(A, X_IS_B)

    both.change(X_IS_A, X_IS_B)

    assert both.nodes == ["a", "x"]
    [problem] = both.followed.problems
    assert problem.startswith(f"The targets file {both.paths[0]} is not valid, the former 1 targets stay: together")


def test_waiting_file_is_put_in_force_when_another_makes_room_for_it(files):
    both = files(A, X_IS_B)
    both.change(X_IS_A, X_IS_B)

    both.change(X_IS_A, B)

    assert (both.nodes, both.followed.problems) == (["b", "x"], [])


def test_names_are_swapped_when_both_files_change_at_once(files):
    both = files(X_IS_A, Y_IS_B)

    both.change(Y_IS_A, X_IS_B)

    assert (both.nodes, both.followed.problems) == (["x", "y"], [])
