"""The containers' passwords and key, made by their own script in a folder of a test."""

import os
import subprocess
from pathlib import Path

from tests.drivers.process import ROOT

IMAGE = ROOT / "deploy/images/redis"
FOLDERS = ("access", "api", "ws", "collector", "publisher", "redis")


class SecretsScript:
    """The script with other folders than in the container."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.secrets = root / "secrets"
        self._bin = root / "bin"
        for folder in FOLDERS:
            (self.secrets / folder).mkdir(parents=True)
        self._bin.mkdir()
        for name in ("make-secrets", "require-choice"):
            text = (IMAGE / "bin" / name).read_text()
            text = text.replace("/secrets/", f"{self.secrets}/").replace("/etc/dispycluster/", f"{IMAGE}/")
            (self._bin / name).write_text(text)
            (self._bin / name).chmod(0o755)

    def run(self, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run_word(**variables)

    def run_word(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self._bin}:{os.environ['PATH']}", **variables}
        return subprocess.run(["make-secrets", *words], env=environment, capture_output=True, text=True)

    def files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.secrets)): path.read_text() for path in self.secrets.rglob("*") if path.is_file()
        }
