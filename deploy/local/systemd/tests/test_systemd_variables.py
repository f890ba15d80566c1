"""Variables are parsed and filled in in the format of systemd."""

import pytest

from deploy.local.systemd.settings import fill_in, optional_variables, parse_environment
from runtime.settings import SettingError

TEXT = "# Where.\n#PORT=8085\n#CLUSTER_NAME=cluster\n# not=this\nLOG_LEVEL=DEBUG\n"


def test_comments_and_empty_lines_set_no_variable() -> None:
    assert parse_environment(TEXT + "\n; PORT=1\n  no equals sign\n") == {"LOG_LEVEL": "DEBUG"}


def test_quotation_marks_and_surrounding_spaces_are_not_part_of_a_value() -> None:
    text = 'A = "x y" \nB=\'it is\'\nC= plain text \nD="a \\"b\\" $c"\nE="open\nF=\n'
    assert parse_environment(text) == {
        "A": "x y",
        "B": "it is",
        "C": "plain text",
        "D": 'a "b" $c',
        "E": '"open',
        "F": "",
    }


def test_optional_variables_are_those_that_are_commented_out() -> None:
    assert optional_variables(TEXT) == ["PORT", "CLUSTER_NAME"]


@pytest.mark.parametrize(
    "value", ["8086", "http://x:1/a?b=c&d", "two words", 'a "quoted" $word', "back\\slash", "it's", "#1"]
)
def test_value_is_parsed_unchanged_after_fill_in(value: str) -> None:
    # when
    text = fill_in(TEXT, {"PORT": value})
    # then
    assert parse_environment(text) == {"PORT": value, "LOG_LEVEL": "DEBUG"}
    assert "#CLUSTER_NAME=cluster\n" in text


def test_value_of_several_lines_is_rejected() -> None:
    with pytest.raises(SettingError, match="CLUSTER_NAME"):
        fill_in(TEXT, {"CLUSTER_NAME": "lab\nREDIS_URL=redis://elsewhere"})
