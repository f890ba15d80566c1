"""``make check`` installs its linter before the tests start."""

import shutil
from pathlib import Path

import pytest

from tests import prepare
from tests.manifests import kube_score


@pytest.fixture(autouse=True)
def no_linter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kube_score, "BUILT", tmp_path / "kube-score")
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("1", 1)])
def test_check_reports_that_go_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, code: int
) -> None:
    # given
    monkeypatch.setenv("CI", ci)
    # then
    assert prepare.prepare_check() == code
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("prepare: no Go, which builds kube-score")
    assert line.endswith("Without it the manifests are not linted.")


def test_check_announces_the_build_of_the_linter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == "go" else None)

    def build(*command: object, **_: object) -> bool:
        assert "building kube-score" in capsys.readouterr().out
        assert kube_score.PACKAGE in command
        kube_score.BUILT.touch()
        return True

    monkeypatch.setattr(prepare, "run", build)
    # when
    assert prepare.prepare_check() == 0
    # then
    assert capsys.readouterr().out == f"prepare: kube-score: {kube_score.BUILT}\n"
