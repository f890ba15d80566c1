import subprocess
from pathlib import Path

from deploy.version import rename

LOCK = '{"version": "0.1.9", "": {"version": "0.1.9"}, "node_modules/other": {"version": "0.1.9"}}'
#: Of a package that has no version itself.
OTHERS = '{"": {}, "node_modules/other": {"version": "0.1.9"}}'


def test_version_is_renamed_wherever_it_is_ours(tmp_path: Path) -> None:
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
    changed = rename(tmp_path, "0.1.9", "0.4.0")

    # then
    assert sorted(changed) == ["api.yaml", "package-lock.json"]
    assert (tmp_path / "api.yaml").read_text() == "image: api:0.4.0\ntag: 0.4.0-arm64 v0.4.0"
    assert (tmp_path / "package-lock.json").read_text() == LOCK.replace("0.1.9", "0.4.0", 2)
    assert all((tmp_path / name).read_text() == files[name] for name in files if name not in changed)
