"""What the linter says is a finding, unless it is meant, and a reason that nothing needs is one too."""

import json
from pathlib import Path

import pytest

from deploy.k8s.check import kube_score as module
from deploy.k8s.check.kube_score import LintError, kube_score, lint
from deploy.k8s.check.lint import MEANT, Lint, get_lint
from deploy.k8s.check.rendering import render
from deploy.k8s.check.variants import variants
from deploy.k8s.tests.conftest import Rendered


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def said(kind: str, name: str, *checks: str) -> dict[str, object]:
    return {
        "type_meta": {"kind": kind},
        "object_meta": {"name": name},
        "checks": [
            {
                "check": {"id": check, "name": check},
                "grade": 10 if check == "fine" else 1,
                "skipped": check == "skipped",
                "comments": [{"path": "api", "summary": "not so"}],
            }
            for check in checks
        ],
    }


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a linter; the folder of its programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(module, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(module, "BUILT", tmp_path / "tools" / "kube-score-v0")
    monkeypatch.delenv("CI", raising=False)
    return folder


def test_findings_are_what_is_said_and_not_meant(tmp_path: Path) -> None:
    answer = [
        said("Deployment", "api", "fine", "skipped", "pod-probes", "container-image-pull-policy"),
        said("Deployment", "simulator", "deployment-replicas"),
        said("Deployment", "gateway", "deployment-replicas"),
    ]
    linter = Lint(program(tmp_path / "kube-score", f"cat >/dev/null; echo '{json.dumps(answer)}'"))
    assert [str(finding) for finding in linter.findings("kind: any\n")] == [
        "Deployment/api: kube-score pod-probes: api, not so",
        "Deployment/gateway: kube-score deployment-replicas: api, not so",
    ]
    assert len(linter.left_over()) == len(MEANT) - 2
    assert "nothing is found by deployment-strategy any more" in str(linter.left_over())


def test_linter_that_does_not_work_is_an_error(tmp_path: Path) -> None:
    linter = program(tmp_path / "kube-score", "cat >/dev/null; echo 'no such flag' >&2; exit 1")
    with pytest.raises(LintError, match="kube-score failed: no such flag"):
        lint(linter, "kind: any\n")


def test_linter_is_that_of_the_path_where_none_was_built(nowhere: Path) -> None:
    found = program(nowhere / "kube-score", "true")
    assert kube_score() == found


def test_linter_is_built_with_go_in_its_pinned_version(nowhere: Path) -> None:
    program(nowhere / "go", 'echo "$@" >"$GOBIN/kube-score"')
    assert kube_score() == module.BUILT
    assert module.BUILT.read_text() == f"install -trimpath {module.MODULE}@{module.VERSION}\n"
    # The next time it is there.
    (nowhere / "go").unlink()
    assert kube_score() == module.BUILT


def test_linter_that_cannot_be_built_leaves_nothing_behind(nowhere: Path) -> None:
    program(nowhere / "go", "echo 'go: 403 Forbidden' >&2; exit 1")
    with pytest.raises(LintError, match="403 Forbidden"):
        kube_score()
    assert list(module.TOOLS.iterdir()) == []


def test_lint_is_left_out_with_one_line_where_there_is_no_linter(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    linter = get_lint()
    assert capsys.readouterr().err.splitlines() == [
        "k8s: not linted: neither kube-score nor Go, which would build it, is on the PATH"
    ]
    assert linter.findings("kind: any\n") == linter.left_over() == []


def test_lint_is_not_left_out_in_ci(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(LintError, match="neither kube-score nor Go"):
        get_lint()


def test_real_linter_finds_an_image_without_a_version(rendered: Rendered) -> None:
    try:
        linter = Lint(kube_score())
    except LintError as error:
        pytest.skip(str(error))
    text = render(variants()[0])
    assert linter.findings(text) == []
    found = linter.findings(text.replace("image: dispycluster/ws:0.3.0", "image: dispycluster/ws:latest"))
    assert [finding.object for finding in found] == ["Deployment/ws"]
