"""The docker command line, through which all commands use the engine and compose."""

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

from deploy.compose.terminal import CommandFailed

#: Compose with the services of all profiles, enabled or not.
ALL_PROFILES = ("compose", "--profile", "*")
NOT_INSTALLED = "The docker command is not installed: https://docs.docker.com/engine/install/"
#: Seconds that docker gets to stop after Ctrl-C, which docker receives as well.
_GRACE_SECONDS = 15.0
#: Lines of docker's error output that an error repeats.
_LAST_LINES = 12
#: How compose reports progress, for instance ``Container dispycluster-api-1  Started``.
_PROGRESS = re.compile(r"(?:Container|Network|Volume|Image)\s+\S+\s+[A-Z][a-z]+")


@dataclass(frozen=True)
class DockerResult:
    """Exit code and output of a docker command."""

    code: int
    out: str = ""
    err: str = ""

    def last_lines(self) -> str:
        """Return the last lines of the error output, without compose's progress."""
        lines = [line.strip() for line in (self.err.strip() or self.out.strip()).splitlines()]
        errors = [line for line in lines if not _PROGRESS.fullmatch(line)]
        return "\n".join((errors or lines)[-_LAST_LINES:]) or f"docker failed with exit code {self.code} and no message"


class Docker:
    """Runs ``docker`` in ``folder``, which has the compose file and ``.env``, with ``variables`` as environment."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self.variables = dict(variables)

    def with_variables(self, **more: str) -> Docker:
        """Return a copy with more variables in its environment."""
        return type(self)(self.folder, {**self.variables, **more})

    def is_installed(self) -> bool:
        """Whether the docker command is installed."""
        return shutil.which("docker", path=self.variables.get("PATH")) is not None

    def architecture(self) -> str:
        """Return the engine's architecture: ``amd64``, ``arm64``.

        Raises:
            CommandFailed: the engine does not result.
        """
        words = ("version", "--format", "{{.Server.Arch}}")
        return self.run_checked(*words, failure="Docker does not report its architecture").strip()

    def run(self, *words: str, source: IO[bytes] | None = None) -> DockerResult:
        """Run docker without output on the terminal; ``source`` is its standard input."""
        with tempfile.TemporaryFile() as out:
            result = self._execute(words, sink=out, source=source)
            out.seek(0)
            return DockerResult(result.code, out.read().decode(errors="replace"), result.err)

    def run_checked(self, *words: str, failure: str, source: IO[bytes] | None = None) -> str:
        """Run docker without output on the terminal; return its output. ``source`` is its standard input.

        Raises:
            CommandFailed: docker failed; the text begins with ``failure``.
        """
        result = self.run(*words, source=source)
        if result.code != 0:
            raise CommandFailed(f"{failure}:\n{result.last_lines()}")
        return result.out

    def run_in_terminal(self, *words: str, failure: str) -> None:
        """Run docker with its output on the terminal.

        Raises:
            CommandFailed: docker failed and has printed the cause itself.
        """
        if self._execute(words, sink=None).code != 0:
            raise CommandFailed(failure)

    def run_into(self, sink: IO[bytes], *words: str, failure: str) -> None:
        """Run docker without output on the terminal; write its output to ``sink``.

        Raises:
            CommandFailed: see ``run_checked``.
        """
        result = self._execute(words, sink=sink)
        if result.code != 0:
            raise CommandFailed(f"{failure}:\n{result.last_lines()}")

    def _execute(
        self, words: tuple[str, ...], *, sink: IO[bytes] | None, source: IO[bytes] | None = None
    ) -> DockerResult:
        """Run ``docker WORDS``; without a sink, output and errors go to the terminal."""
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
                _stop(process)
                raise
            finally:
                if process.stdout is not None:
                    process.stdout.close()
            err.seek(0)
            return DockerResult(process.returncode, "", err.read().decode(errors="replace"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        process.wait(_GRACE_SECONDS)
        return
    process.kill()
    process.wait()
