from pathlib import Path

import pytest

from runtime.quoting import PATH_LENGTH, QUOTED_LENGTH, path_text, quoted


@pytest.mark.parametrize("value", ["node6.lan", 12, 1.5, None, True, ["a", 1], {"host": "a", "name": 1}, b"\xff"])
def test_value_is_quoted_as_python_writes_it_when_it_is_short(value: object) -> None:
    assert quoted(value) == repr(value)


@pytest.mark.parametrize(
    "value",
    ["a" * 10**6, "\U0010ffff" * 1000, b"\xff" * 10**6, 1 << 10**6, ["a" * 1000] * 1000, {n: n for n in range(10**5)}],
    ids=["text", "escapes", "bytes", "number", "list", "mapping"],
)
def test_value_is_cut_to_eighty_characters_when_it_is_long(value: object) -> None:
    assert len(quoted(value)) <= QUOTED_LENGTH == 80


def test_recursive_value_is_cut_without_being_written_completely() -> None:
    value: list[object] = ["a"]
    for _ in range(40):
        value = [value] * 10

    assert len(quoted(value)) <= QUOTED_LENGTH


def test_path_becomes_one_line_of_utf8_for_any_name() -> None:
    assert path_text(Path("/etc/nodes ü.yaml")) == "/etc/nodes ü.yaml"
    assert path_text(Path("/etc/\udcff\n\x1b[31m")) == r"/etc/\udcff\n\x1b[31m"
    cut = path_text(Path("/begin/" + "x" * 4000 + "/end"))
    assert (len(cut), cut[:7], cut[-4:]) == (PATH_LENGTH, "/begin/", "/end")
