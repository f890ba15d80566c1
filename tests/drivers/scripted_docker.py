"""A docker command line with scripted results that records its calls."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from deploy.compose.docker import Docker, DockerResult
from deploy.compose.terminal import ROOT

#: Output of ``docker compose config --format json``, with the fields that the commands read.
CONFIG: dict[str, Any] = {
    "name": "lab",
    "services": {
        name: {
            "image": f"dispycluster/{'redis' if name == 'secrets' else name}:0.8.0",
            "pull_policy": "never",
            "build": {"context": "/missing", "dockerfile": f"{name}.Dockerfile"},
        }
        for name in ("api", "collector", "exporter", "gateway", "redis", "secrets", "ws")
    },
}
CONFIG["services"]["gateway"]["ports"] = [{"host_ip": "127.0.0.1", "target": 8085, "published": "8085"}]
CONFIG["services"]["collector"]["volumes"] = [{"target": "/config", "source": str(ROOT / "deploy/compose/config")}]


def config(**services: dict[str, Any]) -> dict[str, Any]:
    """Return ``CONFIG`` with other values for some services; a new name adds a service."""
    copy: dict[str, Any] = json.loads(json.dumps(CONFIG))
    for name, values in services.items():
        copy["services"].setdefault(name, {}).update(values)
    return copy


class ScriptedDocker(Docker):
    """Succeeds without output unless a script fits."""

    def __init__(self, folder: Path, variables: Mapping[str, str] = {}, installed: bool = True) -> None:
        super().__init__(folder, variables)
        self.calls: list[str] = []
        #: Standard input of each command that had one.
        self.received: list[bytes] = []
        self._scripts: list[tuple[str, Callable[[str], DockerResult]]] = []
        self._installed = installed
        self.script("version --format {{.Server.Arch}}", "amd64\n")
        self.script("version --format {{json .}}", json.dumps({"Server": {"Version": "27.3.1", "ApiVersion": "1.47"}}))
        self.script("compose version --short", "2.30.0\n")
        self.configure(CONFIG)

    def configure(self, resolved: dict[str, Any]) -> None:
        """Script the resolved project, with and without all profiles."""
        for words in ("compose config --format json", "compose --profile * config --format json"):
            self.script(words, json.dumps(resolved))

    def script(self, words: str, out: str = "", *, err: str = "", code: int = 0) -> None:
        """Script the result of commands that begin with ``words``; the last fitting script applies."""
        self.react(words, lambda _: DockerResult(code, out, err))

    def react(self, words: str, reaction: Callable[[str], DockerResult]) -> None:
        """Script a function that returns the result of commands that begin with ``words``."""
        self._scripts.append((words, reaction))

    def with_variables(self, **more: str) -> Docker:
        self.variables.update(more)
        return self

    def is_installed(self) -> bool:
        return self._installed

    def called(self, words: str) -> list[str]:
        """Return the calls that begin with ``words``."""
        return [call for call in self.calls if call.startswith(words)]

    def _execute(
        self, words: tuple[str, ...], *, sink: IO[bytes] | None, source: IO[bytes] | None = None
    ) -> DockerResult:
        line = " ".join(words)
        self.calls.append(line)
        if source is not None:
            self.received.append(source.read())
        reactions = [reaction for start, reaction in self._scripts if line.startswith(start)]
        answer = reactions[-1](line) if reactions else DockerResult(0)
        if sink is not None:
            sink.write(answer.out.encode("latin-1"))
        return answer
