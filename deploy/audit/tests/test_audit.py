"""The locks' form, and known vulnerabilities in what they pin."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deploy.audit.__main__ import REQUIREMENTS, main

HASH = "--hash=sha256:" + "0f" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One lock, ``api.txt``, of one package."""
    made = tmp_path / "requirements"
    made.mkdir()
    lock(made, f"flask==3.1.0 \\\n    {HASH}\n    # via -r api.in\n")
    return made


def lock(folder: Path, text: str, name: str = "api.txt") -> None:
    (folder / name).write_text(text)


def advisory(*events: dict[str, str], name: str = "flask", **more: Any) -> dict[str, Any]:
    """A range of events, and other fields of an advisory or, in ``affected``, of the affected package."""
    affected: dict[str, Any] = {"package": {"ecosystem": "PyPI", "name": name}}
    if events:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}]
    affected |= more.pop("affected", {})
    return {"id": "GHSA-1", "modified": "2026-01-02T03:04:05Z", "summary": "It breaks.", "affected": [affected]} | more


def export(folder: Path, *advisories: dict[str, Any]) -> Path:
    """A zip file as OSV publishes it."""
    path = folder.parent / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, content in enumerate(advisories):
            archive.writestr(f"{number}.json", json.dumps(content))
        archive.writestr("README", "what this is")
    return path


def audit(folder: Path, *advisories: dict[str, Any]) -> int:
    """The exit code, with advisories if any."""
    words = ["--requirements", str(folder)]
    return main([*words, "--advisories", str(export(folder, *advisories))] if advisories else words)


def test_locks_alone_are_good_and_it_is_said_how_to_know_more(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(folder) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "audit: 1 locks, 1 packages: all pinned, with hashes"
    assert "only the form" in second
    assert "ADVISORIES=" in second


def test_locks_of_the_product_are_good() -> None:
    assert main(["--requirements", str(REQUIREMENTS)]) == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"flask>=3.1 {HASH}", "flask is not pinned"),
        (f"flask==3.1.* {HASH}", "flask is not pinned"),
        (f"flask===3.1 {HASH}", "flask is not pinned"),
        (f"flask {HASH}", "flask is not pinned"),
        (f"flask \\\n    {HASH} \\\n    {HASH}\n    # via x", "flask is not pinned"),
        (f"flask==3.1,!=3.1.1 {HASH}", "flask is not pinned"),
        ("flask==3.1", "flask has no sha256 hash"),
        ("flask==3.1 --hash=md5:" + "0" * 32, "flask has no sha256 hash"),
        ("flask==3.1 --hash=sha256:0f", "flask has no sha256 hash"),
        (f"flask==3.1 {HASH} --config-settings=a=b", "flask has an option besides hashes: --config-settings"),
        (f"flask @ https://u:secret@files.lan/flask.whl {HASH}", "flask comes from an address"),
        (f"git+https://u:secret@git.lan/flask {HASH}", "this is no requirement by name"),
        (f"./flask.whl {HASH}", "this is no requirement by name"),
        ("-e ./flask", "-e: a lock has requirements only"),
        ("--editable=./flask", "--editable: a lock has requirements only"),
        ("-i https://u:secret@index.lan/simple", "-i: a lock has requirements only"),
        ("--find-links https://u:secret@files.lan/wheels", "--find-links: a lock has requirements only"),
        ("--trusted-host=u:secret@index.lan", "--trusted-host: a lock has requirements only"),
        ("-r other.txt", "-r: a lock has requirements only"),
    ],
)
def test_line_that_does_not_belong_in_a_lock_is_named_without_its_address(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, words: str
) -> None:
    # given
    lock(folder, f"# a comment\nredis==8.0 \\\n  {HASH}\n\n{line}\n")
    # then
    assert audit(folder) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"api.txt:5: {words}")
    assert "secret" not in said
    assert "1 lines are wrong" in said


def test_lock_may_have_markers_extras_and_several_hashes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    lock(folder, f"Flask[async]==3.1.0 ; python_full_version < '3.11.3' \\\n    {HASH} \\\n    {HASH}\n    # via\n")
    # then
    assert audit(folder, advisory({"introduced": "0"})) == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("api.txt: flask 3.1.0: GHSA-1")


def test_last_line_counts_when_it_continues_into_nothing(folder: Path) -> None:
    lock(folder, "flask>=3.1 \\")
    assert audit(folder) == 1


@pytest.mark.parametrize(
    ("version", "content", "hit"),
    [
        ("3.1.0", advisory(affected={"versions": ["3.0.9", "3.1.0"]}), True),
        ("3.1.0", advisory(affected={"versions": ["3.1"]}), True),
        ("3.1.1", advisory(affected={"versions": ["3.0.9", "3.1.0"]}), False),
        ("3.1.0", advisory({"introduced": "0"}), True),
        ("0.0.0.dev1", advisory({"introduced": "0"}), True),
        ("3.1.0", advisory({"introduced": "0"}, {"fixed": "3.1.1"}), True),
        ("3.1.1", advisory({"introduced": "0"}, {"fixed": "3.1.1"}), False),
        ("3.10", advisory({"introduced": "3.9"}, {"fixed": "3.11"}), True),
        ("3.0", advisory({"introduced": "3.1"}, {"fixed": "3.2"}), False),
        ("3.1", advisory({"introduced": "3.1"}, {"fixed": "3.2"}), True),
        ("3.2", advisory({"introduced": "3.1"}, {"last_affected": "3.2"}), True),
        ("3.2.1", advisory({"introduced": "3.1"}, {"last_affected": "3.2"}), False),
        ("3.1", advisory({"introduced": "3.1"}, {"last_affected": "3.1"}), True),
        # Several ranges in one, in any order.
        ("1.6", advisory({"introduced": "2.0"}, {"fixed": "1.5"}, {"introduced": "0"}, {"fixed": "2.3"}), False),
        ("1.4", advisory({"introduced": "2.0"}, {"fixed": "1.5"}, {"introduced": "0"}, {"fixed": "2.3"}), True),
        ("2.1", advisory({"introduced": "2.0"}, {"fixed": "1.5"}, {"introduced": "0"}, {"fixed": "2.3"}), True),
        ("2.3", advisory({"introduced": "2.0"}, {"fixed": "1.5"}, {"introduced": "0"}, {"fixed": "2.3"}), False),
        ("2.0", advisory({"introduced": "0"}, {"fixed": "2.0"}, {"introduced": "2.0"}), True),
        # Pre-releases come before their release.
        ("3.1.0rc1", advisory({"introduced": "0"}, {"fixed": "3.1.0"}), True),
        ("3.1.0", advisory({"introduced": "0"}, {"fixed": "3.1.0rc1"}), False),
        ("3.1.0b2", advisory({"introduced": "0"}, {"fixed": "3.1.0b10"}), True),
        ("3.1.0rc1", advisory(affected={"versions": ["3.1.0-rc.1"]}), True),
        ("3.1.0rc1", advisory({"introduced": "3.1.0"}), False),
        ("3.1.0.post1", advisory({"introduced": "0"}, {"last_affected": "3.1.0"}), False),
        # Versions from before PEP 440 are older than all others.
        ("0.1", advisory({"introduced": "2004d"}), True),
        ("0.1", advisory({"introduced": "0"}, {"fixed": "2004d"}), False),
        ("0.1", advisory({"introduced": "2004d"}, {"fixed": "2004f"}), False),
        # What is not said in versions of PyPI says nothing here.
        ("3.1.0", advisory(affected={"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}), False),
        ("3.1.0", advisory(affected={"ranges": None, "versions": None}), False),
        ("3.1.0", advisory({"introduced": "0"}, withdrawn="2026-01-03T00:00:00Z"), False),
        ("3.1.0", advisory({"introduced": "0"}, name="flask-login"), False),
    ],
)
def test_advisory_speaks_of_a_version(folder: Path, version: str, content: dict[str, Any], hit: bool) -> None:
    lock(folder, f"flask=={version} {HASH}\n")
    assert audit(folder, content) == int(hit)


def test_advisory_of_another_ecosystem_speaks_of_nothing_here(folder: Path) -> None:
    # given
    foreign = advisory({"introduced": "0"}, affected={"package": {"ecosystem": "npm", "name": "flask"}})
    # then
    assert audit(folder, foreign, advisory({"introduced": "0"}, name="other")) == 0


def test_advisory_of_several_packages_means_each_in_its_own_versions(folder: Path) -> None:
    # given
    content = advisory({"introduced": "0"}, name="flask-login")
    content["affected"] += advisory({"introduced": "4.0"})["affected"]
    # then
    assert audit(folder, content) == 0


def test_wrong_lock_counts_when_no_advisory_does(folder: Path) -> None:
    lock(folder, "redis==8.0\n", "ws.txt")
    assert audit(folder, advisory({"introduced": "4.0"})) == 1


@pytest.mark.parametrize(("locked", "named"), [("zope-event", "Zope.Event"), ("Zope_Event", "zope--event")])
def test_names_are_compared_as_the_index_compares_them(folder: Path, locked: str, named: str) -> None:
    lock(folder, f"{locked}==3.1.0 {HASH}\n")
    assert audit(folder, advisory({"introduced": "0"}, name=named)) == 1


def test_finding_is_a_line_with_locks_version_names_remedy_and_summary(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    lock(folder, f"flask==3.1.0 {HASH}\n", "ws.txt")
    lock(folder, f"flask==2.0.0 {HASH}\n", "old.txt")
    content = advisory(
        {"introduced": "0"},
        {"fixed": "2.2.5"},
        {"introduced": "3.0"},
        {"fixed": "3.2.0"},
        aliases=["PYSEC-9", "CVE-2026-1", "GHSA-1"],
        summary="It\nbreaks.",
    )
    # then
    assert audit(folder, content) == 1
    assert capsys.readouterr().out.splitlines() == [
        "audit: 3 locks, 1 packages: all pinned, with hashes",
        "old.txt: flask 2.0.0: GHSA-1 (CVE-2026-1, PYSEC-9): fixed in 2.2.5: It breaks.",
        "api.txt, ws.txt: flask 3.1.0: GHSA-1 (CVE-2026-1, PYSEC-9): fixed in 3.2.0: It breaks.",
        "audit: 1 advisories, the newest of 2026-01-02: 2 found",
    ]


def test_finding_says_so_when_no_fix_is_known(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # given: a fix in a version below is none for this one
    content = advisory(
        affected={
            "versions": ["3.1.0"],
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        },
        summary="",
        aliases=None,
    )
    # then
    assert audit(folder, content) == 1
    assert "api.txt: flask 3.1.0: GHSA-1: no fixed version is known: no summary" in capsys.readouterr().out


def test_package_that_an_advisory_names_twice_is_one_finding_with_the_nearest_fix(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    content = advisory({"introduced": "0"}, {"fixed": "4.0"})
    content["affected"] += advisory({"introduced": "3.0"}, {"fixed": "3.5"})["affected"]
    # then
    assert audit(folder, content) == 1
    assert capsys.readouterr().out.count("fixed in 3.5") == 1


def test_folder_of_advisories_is_read_like_a_zip(folder: Path, tmp_path: Path) -> None:
    # given
    advisories = tmp_path / "osv" / "PyPI"
    advisories.mkdir(parents=True)
    (advisories / "GHSA-1.json").write_text(json.dumps(advisory({"introduced": "0"})))
    (advisories / "README.md").write_text("no advisory")
    # then
    assert main(["--requirements", str(folder), "--advisories", str(tmp_path / "osv")]) == 1


@pytest.mark.parametrize("name", ["GHSA-1", "CVE-2026-1"])
def test_ignored_advisory_does_not_count_by_any_of_its_names(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    # given
    (folder / "audit-ignored.txt").write_text(f"# why\n\n{name}  only on Windows # really\n")
    # then
    assert audit(folder, advisory({"introduced": "0"}, aliases=["CVE-2026-1"])) == 0
    said = capsys.readouterr().out
    assert "none found, 1 ignored" in said
    assert "matches nothing" not in said


def test_ignored_advisory_hides_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    (folder / "audit-ignored.txt").write_text("GHSA-1 no matter\n")
    # then
    assert audit(folder, advisory({"introduced": "0"}), advisory({"introduced": "0"}, id="GHSA-2")) == 1
    assert "GHSA-2" in capsys.readouterr().out


def test_entry_that_ignores_nothing_any_more_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    (folder / "audit-ignored.txt").write_text("GHSA-1 no matter\n")
    # then
    assert audit(folder, advisory({"introduced": "4.0"})) == 0
    assert "audit-ignored.txt: GHSA-1 matches nothing any more" in capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    """The one line with which bad input is refused."""
    assert main(["--requirements", str(folder), *words]) == 2
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_ignored_advisory_without_a_reason_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "audit-ignored.txt").write_text("# ids\nGHSA-1 # no matter\n")
    line = refused(capsys, folder, "--advisories", str(export(folder, advisory({"introduced": "0"}))))
    assert line.endswith("audit-ignored.txt:2: GHSA-1 has no reason")


def test_folder_without_locks_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "audit-ignored.txt").write_text("GHSA-1 no matter\n")
    assert "there are no locks" in refused(capsys, tmp_path)


def test_lock_that_is_no_text_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "api.txt").write_bytes(b"\xff\xfe")
    assert "api.txt" in refused(capsys, folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"no zip", "no whole zip file"),
        (b"PK\x05\x06" + bytes(18), "no advisories for PyPI"),
    ],
)
def test_file_that_is_no_export_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, words: str
) -> None:
    # given
    path = tmp_path / "given.zip"
    if content is not None:
        path.write_bytes(content)
    # then
    line = refused(capsys, folder, "--advisories", str(path))
    assert words in line
    assert str(path) in line


def test_export_that_ends_early_or_is_damaged_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = export(folder, advisory({"introduced": "4.0"}, summary="It breaks."))
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], whole.replace(b"It breaks.", b"It brakes.")):
        assert broken != whole
        path.write_bytes(broken)
        assert "no whole zip file" in refused(capsys, folder, "--advisories", str(path))


def test_export_of_other_ecosystems_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = advisory(affected={"package": {"ecosystem": "npm", "name": "flask"}})
    line = refused(capsys, folder, "--advisories", str(export(folder, foreign)))
    assert "no advisories for PyPI" in line


@pytest.mark.parametrize("content", [{"name": "a package.json"}, {"id": "X", "affected": "all"}, ["X"]])
def test_json_that_is_no_advisory_is_refused_by_name(
    folder: Path, capsys: pytest.CaptureFixture[str], content: Any
) -> None:
    line = refused(capsys, folder, "--advisories", str(export(folder, advisory({"introduced": "0"}), content)))
    assert "1.json is no advisory" in line
