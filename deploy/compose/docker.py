"""The docker command line: the one way to the engine and to compose."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deploy.compose.dialogue import CommandFailed

#: Services of every profile, those that are not switched on too.
EVERYTHING = ("compose", "--profile", "*")
NOT_INSTALLED = "The docker command is not installed: https://docs.docker.com/engine/install/"
#: Seconds that docker gets to end after Ctrl-C, which reached it as well.
_GRACE_SECONDS = 15.0
#: Lines of what docker said that are repeated where it failed.
_LAST_LINES = 12
#: How compose reports progress, for instance ``Container dispycluster-api-1  Started``.
_PROGRESS = re.compile(r"(?:Container|Network|Volume|Image)\s+\S+\s+[A-Z][a-z]+")


@dataclass(frozen=True)
class Answer:
    """How docker ended, and what it said."""

    code: int
    out: str = ""
    err: str = ""

    def last_words(self) -> str:
        """The end of what it complained about."""
        lines = [line.strip() for line in (self.err.strip() or self.out.strip()).splitlines()]
        telling = [line for line in lines if not _PROGRESS.fullmatch(line)]
        return "\n".join((telling or lines)[-_LAST_LINES:]) or f"it ended with exit code {self.code} and said nothing"


class Docker:
    """Runs ``docker`` in ``folder``, where compose finds its file and ``.env``, with ``variables`` as environment."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self.variables = dict(variables)

    def with_variables(self, **more: str) -> Docker:
        """The same, with more in its environment."""
        return type(self)(self.folder, {**self.variables, **more})

    def is_installed(self) -> bool:
        """Whether there is a docker command."""
        return shutil.which("docker", path=self.variables.get("PATH")) is not None

    def architecture(self) -> str:
        """What the engine runs on: ``amd64``, ``arm64``.

        Raises:
            CommandFailed: it does not answer.
        """
        words = ("version", "--format", "{{.Server.Arch}}")
        return self.tell(*words, failure="Docker does not say what it runs on").strip()

    def ask(self, *words: str, source: IO[bytes] | None = None) -> Answer:
        """Run it silently, with ``source`` as its input."""
        with tempfile.TemporaryFile() as out:
            answer = self._run(words, sink=out, source=source)
            out.seek(0)
            return Answer(answer.code, out.read().decode(errors="replace"), answer.err)

    def tell(self, *words: str, failure: str, source: IO[bytes] | None = None) -> str:
        """Run it silently, with ``source`` as its input; return its output.

        Raises:
            CommandFailed: it failed; the text begins with ``failure``.
        """
        answer = self.ask(*words, source=source)
        if answer.code != 0:
            raise CommandFailed(f"{failure}:\n{answer.last_words()}")
        return answer.out

    def show(self, *words: str, failure: str) -> None:
        """Run it in this terminal.

        Raises:
            CommandFailed: it failed, which it has explained itself.
        """
        if self._run(words, sink=None).code != 0:
            raise CommandFailed(failure)

    def receive(self, sink: IO[bytes], *words: str, failure: str) -> None:
        """Run it silently; write its output to ``sink``.

        Raises:
            CommandFailed: see ``tell``.
        """
        answer = self._run(words, sink=sink)
        if answer.code != 0:
            raise CommandFailed(f"{failure}:\n{answer.last_words()}")

    def _run(self, words: tuple[str, ...], *, sink: IO[bytes] | None, source: IO[bytes] | None = None) -> Answer:
        """Run ``docker WORDS``; without a sink its output and complaints go to the terminal."""
        with tempfile.TemporaryFile() as err:
            try:
                process = subprocess.Popen(
                    ["docker", *words],
                    cwd=self.folder,
                    env=self.variables,
                    stdin=source or (subprocess.DEVNULL if sink else None),
                    stdout=subprocess.PIPE if sink else None,
                    stderr=err if sink else None,
                )
            except FileNotFoundError:
                raise CommandFailed(NOT_INSTALLED) from None
            try:
                if sink is not None and process.stdout is not None:
                    shutil.copyfileobj(process.stdout, sink)
                process.wait()
            except BaseException:
                _end(process)
                raise
            finally:
                if process.stdout is not None:
                    process.stdout.close()
            err.seek(0)
            return Answer(process.returncode, "", err.read().decode(errors="replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        process.wait(_GRACE_SECONDS)
        return
    process.kill()
    process.wait()
