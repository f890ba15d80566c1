"""The form of the locks, and known vulnerabilities of the locked packages."""

import gzip
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from deploy.audit import advisories
from deploy.audit.__main__ import NPM, REQUIREMENTS, main
from deploy.audit.locks import Pin
from tests.drivers.serving import serving

HASH = "--hash=sha256:" + "0f" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder with one lock, ``api.txt``, of one package."""
    made = tmp_path / "requirements"
    made.mkdir()
    lock(made, f"flask==3.1.0 \\\n    {HASH}\n    # via -r api.in\n")
    return made


def lock(folder: Path, text: str, name: str = "api.txt") -> None:
    (folder / name).write_text(text)


def audit(folder: Path) -> int:
    """Check the form of the locks; return the exit code."""
    return main(["--requirements", str(folder)])


def test_audit_of_the_form_names_the_command_that_checks_vulnerabilities(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(folder) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "audit: 1 locks, 1 packages: all pinned, with hashes"
    assert "only the form" in second
    assert "make audit" in second


def test_locks_of_the_product_are_valid() -> None:
    assert main(["--requirements", str(REQUIREMENTS)]) == 0


@pytest.mark.parametrize(
    ("line", "expected"),
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
        (f"git+https://u:secret@git.lan/flask {HASH}", "the line is not a requirement with a name"),
        (f"./flask.whl {HASH}", "the line is not a requirement with a name"),
        ("-e ./flask", "-e: a lock must not have options"),
        ("--editable=./flask", "--editable: a lock must not have options"),
        ("-i https://u:secret@index.lan/simple", "-i: a lock must not have options"),
        ("--find-links https://u:secret@files.lan/wheels", "--find-links: a lock must not have options"),
        ("--trusted-host=u:secret@index.lan", "--trusted-host: a lock must not have options"),
        ("-r other.txt", "-r: a lock must not have options"),
    ],
)
def test_invalid_line_is_reported_without_its_address(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, expected: str
) -> None:
    # given
    lock(folder, f"# a comment\nredis==8.0 \\\n  {HASH}\n\n{line}\n")
    # then
    assert audit(folder) == 1
    output = capsys.readouterr().out
    assert output.startswith(f"api.txt:5: {expected}")
    assert "secret" not in output
    assert "1 lines are invalid" in output


def test_lock_may_have_markers_extras_and_several_hashes(folder: Path) -> None:
    lock(folder, f"Flask[async]==3.1.0 ; python_full_version < '3.11.3' \\\n    {HASH} \\\n    {HASH}\n    # via\n")
    assert audit(folder) == 0


def test_last_line_is_checked_when_it_ends_with_a_backslash(folder: Path) -> None:
    lock(folder, "flask>=3.1 \\")
    assert audit(folder) == 1


def refused(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """Return the one error line for locks that cannot be read."""
    assert audit(folder) == 2
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_folder_without_locks_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there are no locks" in refused(capsys, tmp_path)


def test_lock_that_is_not_text_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "api.txt").write_bytes(b"\xff\xfe")
    assert "api.txt" in refused(capsys, folder)


class _Handler(BaseHTTPRequestHandler):
    server: "Advisories"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        question = json.loads(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        if self.path == "/osv":
            name, version = question["package"]["name"], question["version"]
            self.server.asked.append(f"{name} {version}")
            found = self.server.python.get((name, version))
            self.answer({"vulns": found} if found else {})
        else:
            self.server.asked += [f"{name} {version}" for name, versions in question.items() for version in versions]
            self.answer({name: found for name, found in self.server.npm.items() if name in question})

    def do_GET(self) -> None:
        """Answer with all versions of a package. npm requests them when one of them is vulnerable."""
        name = self.path[1:]
        self.answer({"name": name, "versions": {"1.0.0": {"name": name, "version": "1.0.0"}}})

    def answer(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


class Advisories(ThreadingHTTPServer):
    """Simulates OSV and an npm registry on a loopback port."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        #: Advisories by package and version, and by package.
        self.python: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.npm: dict[str, list[dict[str, Any]]] = {}
        #: Checked packages, with their versions.
        self.asked: list[str] = []


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Advisories]:
    """A server that pip-audit and npm use."""
    with serving(Advisories()) as made:
        use_server_port(monkeypatch, made.server_port)
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        monkeypatch.setenv("npm_config_update_notifier", "false")
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield made


def use_server_port(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{port}/osv")
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{port}")


@pytest.fixture
def npm(tmp_path: Path) -> Path:
    """Folder with an npm lock that has every kind of dependency."""
    made = tmp_path / "dashboard"
    made.mkdir()
    names = {"uplot": {}, "esbuild": {"dev": True}, "fsevents": {"optional": True}, "react": {"peer": True}}
    root = {
        "dependencies": {"uplot": "1.0.0"},
        "devDependencies": {"esbuild": "1.0.0"},
        "optionalDependencies": {"fsevents": "1.0.0"},
        "peerDependencies": {"react": "1.0.0"},
    }
    packages = {f"node_modules/{name}": {"version": "1.0.0", **kind} for name, kind in names.items()}
    (made / "package.json").write_text(json.dumps(root))
    (made / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": {"": root, **packages}}))
    return made


def audit_known(folder: Path, *npm: Path) -> int:
    """Check known vulnerabilities; return the exit code."""
    return main(["--known", "--requirements", str(folder), "--npm", *map(str, npm)])


def osv(**more: Any) -> dict[str, Any]:
    """Return an advisory in the format of OSV."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.1"}]}]
    affected = [{"package": {"ecosystem": "PyPI", "name": "flask"}, "ranges": ranges}]
    return {"id": "GHSA-1", "aliases": ["CVE-2026-1"], "summary": "It breaks.", "affected": affected} | more


def of_npm(**more: Any) -> dict[str, Any]:
    """Return an advisory in the format of an npm registry."""
    url = "https://github.com/advisories/GHSA-2"
    return {"id": 1, "url": url, "title": "It breaks.", "severity": "info", "vulnerable_versions": "<1.0.1"} | more


def test_audit_succeeds_when_every_package_was_checked_and_has_no_vulnerability(
    folder: Path, npm: Path, server: Advisories, capsys: pytest.CaptureFixture[str]
) -> None:
    # given: another version of a package, and a package for another platform
    lock(folder, f"flask==2.0.0 {HASH}\npywin32==312 ; sys_platform == 'never' {HASH}\n", "oldest.txt")
    # then
    assert audit_known(folder, npm) == 0
    assert sorted(server.asked) == [
        "esbuild 1.0.0", "flask 2.0.0", "flask 3.1.0", "fsevents 1.0.0", "pywin32 312", "react 1.0.0", "uplot 1.0.0",
    ]  # fmt: skip
    assert capsys.readouterr().out.endswith("audit: 0 found, 0 ignored\n")


def test_audit_checks_all_npm_locks_of_the_product() -> None:
    assert [folder.name for folder in NPM if (folder / "package-lock.json").is_file()] == [
        "dashboard",
        "clients",
        "node",
    ]


def test_vulnerable_python_package_is_reported_with_locks_ids_remedy_and_summary(
    folder: Path, server: Advisories, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    lock(folder, f"flask==3.1.0 {HASH}\n", "ws.txt")
    server.python["flask", "3.1.0"] = [osv()]
    # then
    assert audit_known(folder) == 1
    assert "api.txt, ws.txt: flask 3.1.0: CVE-2026-1, GHSA-1: fixed in 3.1.1: It breaks.\n" in capsys.readouterr().out


def test_vulnerable_npm_package_is_reported_with_any_settings_of_npm(
    folder: Path, npm: Path, server: Advisories, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    for name, value in {"offline": "true", "omit": "dev", "audit_level": "critical", "audit": "false"}.items():
        monkeypatch.setenv(f"npm_config_{name}", value)
    server.npm["esbuild"] = [of_npm()]
    # then
    assert audit_known(folder, npm) == 1
    assert f"{npm}: esbuild <1.0.1: GHSA-2: It breaks.\n" in capsys.readouterr().out


def test_advisory_is_ignored_by_its_id_or_an_alias(
    folder: Path, npm: Path, server: Advisories, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(advisories, "IGNORED", {"GHSA-1": "only on Windows", "GHSA-2": "only on Windows"})
    server.python["flask", "3.1.0"] = [osv(), osv(id="GHSA-3", aliases=[])]
    server.npm["uplot"] = [of_npm()]
    # then
    assert audit_known(folder, npm) == 1
    output = capsys.readouterr().out
    assert "flask 3.1.0: GHSA-3: " in output
    assert output.endswith("audit: 1 found, 2 ignored\n")


def test_every_ignored_advisory_has_a_reason() -> None:
    assert all(reason.strip() for reason in advisories.IGNORED.values())


@pytest.mark.parametrize("is_away", [False, True], ids=["answers 404", "away"])
def test_both_tools_report_a_server_that_does_not_answer_or_answers_404(
    folder: Path,
    npm: Path,
    server: Advisories,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    is_away: bool,
) -> None:
    # given
    if is_away:
        use_server_port(monkeypatch, 9)  # no server listens there
    server.status = 404
    # then
    assert audit_known(folder, npm) == 1
    output = capsys.readouterr().out
    assert "pip-audit failed: " in output
    assert f"{npm}: npm audit failed: " in output


def test_folder_without_an_npm_lock_is_reported(server: Advisories, tmp_path: Path) -> None:
    [vulnerability] = advisories.in_npm(tmp_path)
    assert vulnerability.text.startswith(f"{tmp_path}: npm audit failed: ")


def test_package_that_pip_audit_skips_is_reported(server: Advisories) -> None:
    # given: a package from an address, which the check of the form rejects
    name = "https://files.lan/flask.tar.gz#egg=flask"
    # when
    [vulnerability] = advisories.in_python([Pin(name, Version("3.1.0"), "api.txt", HASH)])
    # then
    assert vulnerability.text == f"api.txt: {name} 3.1.0: pip-audit skipped this package"
    assert not vulnerability.is_ignored


def test_advisory_that_pip_audit_cannot_read_is_reported(
    folder: Path, server: Advisories, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    server.python["flask", "3.1.0"] = [osv(schema_version="2.0.0")]
    # then
    assert audit_known(folder) == 1
    assert "Unsupported OSV schema version: 2.0.0" in capsys.readouterr().out
