"""``make release``: one version in all files, and no change while a condition is not met."""

import subprocess
from pathlib import Path

import pytest

from deploy.release import NotReady, main, release, rename

LOCK = '{"version": "0.1.9", "": {"version": "0.1.9"}, "node_modules/other": {"version": "0.1.9"}}'
#: npm lock of a package without a version.
OTHERS = '{"": {}, "node_modules/other": {"version": "0.1.9"}}'


def test_rename_replaces_only_the_version_of_the_product(tmp_path: Path) -> None:
    # given
    files = {
        "api.yaml": "image: api:0.1.9\ntag: 0.1.9-arm64 v0.1.9",
        "others.yaml": "10.1.9 0.1.90 0.1.9.1",
        "CHANGELOG.md": "## 0.1.9",
        "requirements/dev.txt": "other==0.1.9",
        "package-lock.json": LOCK,
        "clients/package-lock.json": OTHERS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)

    # when
    changed = rename(tmp_path, "0.1.9", "0.8.0")

    # then
    assert sorted(changed) == ["api.yaml", "package-lock.json"]
    assert (tmp_path / "api.yaml").read_text() == "image: api:0.8.0\ntag: 0.8.0-arm64 v0.8.0"
    assert (tmp_path / "package-lock.json").read_text() == LOCK.replace("0.1.9", "0.8.0", 2)
    assert all((tmp_path / name).read_text() == files[name] for name in files if name not in changed)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of version 0.1.9 without uncommitted changes."""
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.9\n\n- It began.\n")
    (tmp_path / "api.yaml").write_text("image: api:0.1.9\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "release: 0.1.9"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)
    return tmp_path


def write_section(project: Path, heading: str) -> None:
    history = project / "CHANGELOG.md"
    history.write_text(history.read_text().replace("## 0.1.9\n", f"## {heading}\n\n## 0.1.9\n"))


def test_release_writes_the_version_and_prints_the_next_steps(project: Path) -> None:
    # given
    write_section(project, "0.2.0 (unreleased)")
    # when
    summary = release(project, "0.1.9", "0.2.0")
    # then
    assert summary.startswith("Replaced 0.1.9 by 0.2.0 in 1 files.\nNext: commit this.")
    assert (project / "api.yaml").read_text() == "image: api:0.2.0\n"


def test_release_prints_the_commit_command_when_the_section_is_not_marked_unreleased(project: Path) -> None:
    # given
    write_section(project, "0.2.0")
    # when
    summary = release(project, "0.2.0", "0.2.0")
    # then
    assert "git commit --all --message 'release: 0.2.0'" in summary


@pytest.mark.parametrize(
    ("heading", "version", "reason"),
    [
        ("", "0.2.0", "begins with 0.1.9: write ## 0.2.0 \\(unreleased\\) above it"),
        ("0.2.0 (2026-12-01)", "0.2.0", "The heading is ## 0.2.0 or"),
        ("0.1.8", "0.1.8", "a version must be higher"),
        ("0.1.9", "0.1.9", "a version must be higher"),
    ],
)
def test_release_is_refused_without_a_changelog_section(project: Path, heading: str, version: str, reason: str) -> None:
    # given
    if heading:
        write_section(project, heading)
    # when
    with pytest.raises(NotReady, match=reason):
        release(project, "0.1.9", version)
    # then
    assert (project / "api.yaml").read_text() == "image: api:0.1.9\n"


def test_release_is_refused_when_other_changes_are_not_committed(project: Path) -> None:
    # given
    write_section(project, "0.2.0 (unreleased)")
    (project / "new.yaml").touch()
    # when
    with pytest.raises(NotReady, match=r"new\.yaml"):
        release(project, "0.1.9", "0.2.0")
    # then
    assert (project / "api.yaml").read_text() == "image: api:0.1.9\n"


@pytest.mark.parametrize("arguments", [[], ["0.2"], ["v0.2.0"], ["0.2.0", "0.3.0"]])
def test_release_takes_one_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "make release VERSION=" in capsys.readouterr().err
