"""Run stages in parallel: ``stages.py COMMAND "NAME: NAME…" …``; exit code 1 if one fails.

``"test: setup check"`` starts ``COMMAND test`` after ``setup`` and ``check`` have succeeded. The output of a stage is
printed completely when the stage finishes. When a stage fails, its output is printed immediately and all others are
stopped. Finally a table shows the duration of each stage.
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

#: Seconds for stages to stop after SIGTERM.
_GRACE_SECONDS = 30


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
        """Start the stage in its own process group, so that all of its processes can be stopped."""
        say(f"== {self.name} starts; output in {self.output.name}")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [command, self.name],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
        )

    def has_finished(self) -> bool:
        """Whether the stage has finished since the last call."""
        if self.process is None or self.seconds is not None or self.process.poll() is None:
            return False
        self.seconds = time.monotonic() - self.began
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the stage."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def report(self, result: str) -> None:
        """Print the result and the output of the stage."""
        say(f"\n== {self.name} {result} after {minutes(self.seconds or 0)}")
        with open(self.output.name, "rb") as output:
            sys.stdout.buffer.write(output.read())
        say("")


def stop(stages: list[Stage]) -> None:
    """Stop all running stages: with SIGTERM, and after the grace period with SIGKILL."""
    running = [stage for stage in stages if stage.process is not None and stage.process.poll() is None]
    for stage in running:
        stage.send(signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    for stage in running:
        assert stage.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            stage.process.wait(max(0.0, deadline - time.monotonic()))
    for stage in running:
        stage.send(signal.SIGKILL)  # other processes of the group may still run
        assert stage.process is not None
        stage.process.wait()


def say(line: str) -> None:
    """Print a line immediately."""
    print(line, flush=True)


def minutes(seconds: float) -> str:
    """Return minutes and seconds, as ``3:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def run(command: str, stages: list[Stage]) -> bool:
    """Run all stages; return whether all succeeded."""
    while any(stage.seconds is None for stage in stages):
        succeeded = {stage.name for stage in stages if stage.seconds is not None}
        for stage in stages:
            if stage.process is None and succeeded.issuperset(stage.after):
                stage.start(command)
        if not any(stage.process is not None and stage.seconds is None for stage in stages):
            say("stages.py: the remaining stages wait for each other")
            return False
        time.sleep(0.1)
        for stage in stages:
            if stage.has_finished():
                assert stage.process is not None
                if stage.process.returncode != 0:
                    stage.report(f"FAILED with {stage.process.returncode}")
                    return False
                stage.report("succeeded")
    return True


def print_table(stages: list[Stage], began: float) -> None:
    """Print the duration and the start of each stage."""
    say("\n== duration of each stage, in minutes; stages overlap")
    for stage in stages:
        if stage.process is not None:
            took = "stopped" if stage.seconds is None else minutes(stage.seconds)
            say(f"{took:>8}  from {minutes(stage.began - began):>5}  {stage.name}")
    say(f"{minutes(time.monotonic() - began):>8}  total")


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
        stop(stages)
        print_table(stages, began)
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
