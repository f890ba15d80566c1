"""A docker command line that answers as a test says, and remembers what it was told."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from deploy.compose.dialogue import ROOT
from deploy.compose.docker import Answer, Docker

#: As ``docker compose config --format json`` prints it, as far as the commands look.
CONFIG: dict[str, Any] = {
    "name": "lab",
    "services": {
        name: {
            "image": f"dispycluster/{'redis' if name == 'secrets' else name}:0.6.0",
            "pull_policy": "never",
            "build": {"context": "/nowhere", "dockerfile": f"{name}.Dockerfile"},
        }
        for name in ("api", "collector", "exporter", "gateway", "redis", "secrets", "ws")
    },
}
CONFIG["services"]["gateway"]["ports"] = [{"host_ip": "127.0.0.1", "target": 8085, "published": "8085"}]
CONFIG["services"]["collector"]["volumes"] = [{"target": "/config", "source": str(ROOT / "deploy/compose/config")}]


def config(**services: dict[str, Any]) -> dict[str, Any]:
    """``CONFIG`` with other values for some services; a new name is a new service."""
    copy: dict[str, Any] = json.loads(json.dumps(CONFIG))
    for name, values in services.items():
        copy["services"].setdefault(name, {}).update(values)
    return copy


class ScriptedDocker(Docker):
    """Succeeds silently where nothing else was scripted."""

    def __init__(self, folder: Path, variables: Mapping[str, str] = {}, installed: bool = True) -> None:
        super().__init__(folder, variables)
        self.calls: list[str] = []
        #: What commands read from their input.
        self.received: list[bytes] = []
        self._scripts: list[tuple[str, Callable[[str], Answer]]] = []
        self._installed = installed
        self.script("version --format {{.Server.Arch}}", "amd64\n")
        self.script("version --format {{json .}}", json.dumps({"Server": {"Version": "27.3.1", "ApiVersion": "1.47"}}))
        self.script("compose version --short", "2.30.0\n")
        self.configure(CONFIG)

    def configure(self, resolved: dict[str, Any]) -> None:
        """Resolve the project so, for all profiles."""
        for words in ("compose config --format json", "compose --profile * config --format json"):
            self.script(words, json.dumps(resolved))

    def script(self, words: str, out: str = "", *, err: str = "", code: int = 0) -> None:
        """Answer so to what begins with ``words``; the last script that fits counts."""
        self.react(words, lambda _: Answer(code, out, err))

    def react(self, words: str, reaction: Callable[[str], Answer]) -> None:
        """Answer what begins with ``words`` by calling."""
        self._scripts.append((words, reaction))

    def with_variables(self, **more: str) -> Docker:
        self.variables.update(more)
        return self

    def is_installed(self) -> bool:
        return self._installed

    def called(self, words: str) -> list[str]:
        """The calls that begin with ``words``."""
        return [call for call in self.calls if call.startswith(words)]

    def _run(self, words: tuple[str, ...], *, sink: IO[bytes] | None, source: IO[bytes] | None = None) -> Answer:
        line = " ".join(words)
        self.calls.append(line)
        if source is not None:
            self.received.append(source.read())
        reactions = [reaction for start, reaction in self._scripts if line.startswith(start)]
        answer = reactions[-1](line) if reactions else Answer(0)
        if sink is not None:
            sink.write(answer.out.encode("latin-1"))
        return answer
