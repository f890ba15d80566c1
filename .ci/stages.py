"""Run stages side by side: ``stages.py COMMAND "NAME: NAME…" …``; exit code 1 when one fails.

``"test: setup check"`` begins ``COMMAND test`` once ``setup`` and ``check`` have succeeded. What a stage writes is
printed whole when it ends. When a stage fails, its output is printed at once and all other stages are ended. A table of
minutes comes last.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO

#: Seconds in which stages may end by themselves once they are asked to.
_END_SECONDS = 30


@dataclass
class Stage:
    """One stage, and the process that runs it."""

    name: str
    after: list[str]
    output: IO[bytes] = field(default_factory=tempfile.NamedTemporaryFile)
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    seconds: float | None = None

    def start(self, command: str) -> None:
        """Begin it, in a process group of its own, so that all of it can be ended."""
        say(f"== {self.name} begins; its output: {self.output.name}")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [command, self.name],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
        )

    def has_ended(self) -> bool:
        """Whether it ended just now."""
        if self.process is None or self.seconds is not None or self.process.poll() is None:
            return False
        self.seconds = time.monotonic() - self.began
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and to every process that it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def tell(self, how: str) -> None:
        """Print what it wrote."""
        say(f"\n== {self.name} {how} after {minutes(self.seconds or 0)}")
        with open(self.output.name, "rb") as output:
            sys.stdout.buffer.write(output.read())
        say("")


def end(stages: list[Stage]) -> None:
    """End what still runs: politely, and after a while at once."""
    running = [stage for stage in stages if stage.process is not None and stage.process.poll() is None]
    for stage in running:
        stage.send(signal.SIGTERM)
    deadline = time.monotonic() + _END_SECONDS
    for stage in running:
        assert stage.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            stage.process.wait(max(0.0, deadline - time.monotonic()))
    for stage in running:
        stage.send(signal.SIGKILL)  # its leader may have ended before the others
        assert stage.process is not None
        stage.process.wait()


def say(line: str) -> None:
    """Print a line now."""
    print(line, flush=True)


def minutes(seconds: float) -> str:
    """Minutes and seconds, as ``3:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def run(command: str, stages: list[Stage]) -> bool:
    """Run all stages; return whether all succeeded."""
    while any(stage.seconds is None for stage in stages):
        succeeded = {stage.name for stage in stages if stage.seconds is not None}
        for stage in stages:
            if stage.process is None and succeeded.issuperset(stage.after):
                stage.start(command)
        if not any(stage.process is not None and stage.seconds is None for stage in stages):
            say("stages.py: the rest wait for each other")
            return False
        time.sleep(0.1)
        for stage in stages:
            if stage.has_ended():
                assert stage.process is not None
                if stage.process.returncode != 0:
                    stage.tell(f"FAILED with {stage.process.returncode}")
                    return False
                stage.tell("succeeded")
    return True


def print_table(stages: list[Stage], began: float) -> None:
    """How long each stage took, and when it began."""
    say("\n== minutes a stage; stages overlap")
    for stage in stages:
        if stage.process is not None:
            took = "ended" if stage.seconds is None else minutes(stage.seconds)
            say(f"{took:>8}  from {minutes(stage.began - began):>5}  {stage.name}")
    say(f"{minutes(time.monotonic() - began):>8}  in all")


def main() -> int:
    """Return the exit code."""
    command, *described = sys.argv[1:]
    stages = [Stage(name, after.split()) for name, _, after in (each.partition(":") for each in described)]
    unknown = {name for stage in stages for name in stage.after} - {stage.name for stage in stages}
    if unknown:
        sys.exit(f"stages.py: no stage is called {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began, succeeded = time.monotonic(), False
    try:
        succeeded = run(command, stages)
    except KeyboardInterrupt:
        say("interrupted")
    finally:
        end(stages)
        print_table(stages, began)
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
