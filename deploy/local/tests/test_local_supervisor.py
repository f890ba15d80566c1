"""The supervisor, with small test programs as its processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from deploy.local.child import ProcessSpec
from deploy.local.supervisor import STOP_SIGNALS, ProcessDied, StopRequested, StopSignals, Supervisor
from tests.drivers.process import ROOT, is_alive
from tests.drivers.waiting import eventually

LONG_SECONDS = 30.0

WAITS = "import time; print('up', flush=True); time.sleep(600)"
IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
#: Starts a child process, prints its id, and waits.
HAS_A_CHILD = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print('child', child.pid, flush=True); time.sleep(600)"
)
PRINTS_WHEN_STOPPED = (
    "import signal, sys, time; name = sys.argv[1]\n"
    "def end(*_):\n    print('asked', flush=True); time.sleep(0.3); print('gone', flush=True); sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, end); print('up', flush=True)\nwhile True: time.sleep(600)"
)

#: Sends its supervisor a second signal when it is asked to stop, and keeps running.
SIGNALS_ITS_PARENT = (
    "import os, signal, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getppid(), signal.SIGINT)); print('up', flush=True)\n"
    "while True: time.sleep(600)"
)

#: Prints that the disk is full for the given number of stop requests, and then stops.
HAS_FULL_DISK = (
    "import signal, sys, time; left = [int(sys.argv[1])]\n"
    "def end(*_):\n"
    "    if not left[0]: sys.exit(0)\n"
    "    left[0] -= 1; print('no room', flush=True)\n"
    "signal.signal(signal.SIGTERM, end); print('no room, long ago', flush=True)\nwhile True: time.sleep(600)"
)

#: A supervisor process with two children; it prints their process ids and its own result.
DRIVER = f"""
import sys
from deploy.local.child import ProcessSpec
from deploy.local.supervisor import StopRequested, StopSignals, Supervisor

lines = []
supervisor = Supervisor(StopSignals(), lines.append)
children = [supervisor.start(ProcessSpec(name, (sys.executable, "-c", {WAITS!r}))) for name in ("one", "two")]
assert supervisor.wait_until(lambda: len(lines) == 2, {LONG_SECONDS})
for child in children:
    print(child.pid, flush=True)
try:
    supervisor.run()
except StopRequested:
    supervisor.stop()
    print("stopped", flush=True)
"""


def spec(name: str, code: str, *arguments: str, stops_last: bool = False, is_quiet: bool = False) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", code, *arguments), stops_last=stops_last, is_quiet=is_quiet)


class Supervised:
    """A supervisor in this process, and the lines that it has written."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.supervisor = Supervisor(StopSignals(), self.lines.append)

    def send_stop_signal(self) -> None:
        """Send this process SIGINT, like the terminal, and wait until the supervisor notices it."""
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(StopRequested):
            self.supervisor.run()

    def wait_for_lines(self, *lines: str) -> None:
        assert self.supervisor.wait_until(lambda: set(lines) <= set(self.lines), LONG_SECONDS), self.lines


@pytest.fixture
def supervised() -> Iterator[Supervised]:
    numbers = (signal.SIGCHLD, *STOP_SIGNALS)
    previous = {number: signal.getsignal(number) for number in numbers}
    running = Supervised()
    yield running
    running.supervisor.stop(grace_seconds=5)
    signal.set_wakeup_fd(-1)
    for number, handler in previous.items():
        signal.signal(number, handler)


def test_process_that_dies_is_named_with_its_exit_code_and_last_lines(supervised: Supervised) -> None:
    # given
    supervised.supervisor.start(spec("steady", WAITS))
    supervised.supervisor.start(spec("weak", "import sys; print('I am ill'); sys.exit(7)"))
    # when
    with pytest.raises(ProcessDied) as death:
        supervised.supervisor.run()
    # then
    assert str(death.value) == "weak exited with code 7. Its last lines:\n    weak: I am ill"


def test_process_that_was_killed_is_named_with_its_signal(supervised: Supervised) -> None:
    # given
    child = supervised.supervisor.start(spec("weak", WAITS))
    # when
    os.kill(child.pid, signal.SIGKILL)
    # then
    with pytest.raises(ProcessDied, match="weak was killed by SIGKILL"):
        supervised.supervisor.run()


def test_command_that_cannot_be_run_is_named(supervised: Supervised) -> None:
    with pytest.raises(ProcessDied, match=r"ghost cannot be started: .*No such file"):
        supervised.supervisor.start(ProcessSpec("ghost", ("/nonexistent/program",)))


def test_output_of_a_quiet_process_is_shown_only_when_it_dies(supervised: Supervised) -> None:
    # given
    supervised.supervisor.start(spec("quiet", "print('a secret'); raise SystemExit(1)", is_quiet=True))
    # when
    with pytest.raises(ProcessDied, match="quiet: a secret"):
        supervised.supervisor.run()
    # then
    assert supervised.lines == []


def test_lines_begin_with_the_name_of_the_process_unless_a_service_logged_them(supervised: Supervised) -> None:
    # given
    code = (
        "import sys, time; print('2026-11-23T09:41:07Z INFO api: ready', file=sys.stderr); "
        "print('Traceback'); print('x' * 20000); sys.stdout.flush(); time.sleep(600)"
    )
    # when
    supervised.supervisor.start(spec("one", code))
    # then
    supervised.wait_for_lines("2026-11-23T09:41:07Z INFO api: ready", "one: Traceback")
    assert supervised.supervisor.wait_until(lambda: len(supervised.lines) >= 3, LONG_SECONDS)
    assert max(map(len, supervised.lines)) < 9000


def test_name_of_the_process_is_not_repeated_in_a_line(supervised: Supervised) -> None:
    supervised.supervisor.start(spec("one", "import time; print('one: no such file', flush=True); time.sleep(600)"))
    supervised.wait_for_lines("one: no such file")


@pytest.mark.parametrize(
    ("line", "is_conflict"), [("cannot listen on 127.0.0.1:8000: Address already in use", True), ("I am ill", False)]
)
def test_process_death_shows_whether_a_port_was_taken(supervised: Supervised, line: str, is_conflict: bool) -> None:
    supervised.supervisor.start(spec("weak", f"import sys; print({line!r}); sys.exit(1)"))
    with pytest.raises(ProcessDied) as death:
        supervised.supervisor.run()
    assert death.value.is_port_conflict == is_conflict


def test_processes_can_be_started_after_stop_all(supervised: Supervised) -> None:
    # given
    first = supervised.supervisor.start(spec("one", WAITS))
    supervised.supervisor.start(spec("weak", "raise SystemExit(1)"))
    with pytest.raises(ProcessDied):
        supervised.supervisor.run()
    # when
    supervised.supervisor.stop_all()
    # then
    assert not is_alive(first.pid)
    supervised.supervisor.start(spec("two", WAITS))
    supervised.wait_for_lines("two: up")


def test_stop_stops_processes_with_stops_last_after_the_others(supervised: Supervised) -> None:
    # given
    supervised.supervisor.start(spec("ground", PRINTS_WHEN_STOPPED, "ground", stops_last=True))
    supervised.supervisor.start(spec("first", PRINTS_WHEN_STOPPED, "first"))
    supervised.supervisor.start(spec("second", PRINTS_WHEN_STOPPED, "second"))
    supervised.wait_for_lines("ground: up", "first: up", "second: up")
    # when
    supervised.supervisor.stop()
    # then
    assert len(supervised.lines) == 9
    assert supervised.lines[-2:] == ["ground: asked", "ground: gone"]


def test_stop_kills_a_process_and_its_children_when_it_does_not_stop_in_time(supervised: Supervised) -> None:
    # given
    stubborn = supervised.supervisor.start(spec("stubborn", IGNORES_SIGTERM))
    parent = supervised.supervisor.start(spec("parent", HAS_A_CHILD))
    assert supervised.supervisor.wait_until(lambda: len(supervised.lines) == 2, LONG_SECONDS)
    grandchild = int(next(line for line in supervised.lines if "child" in line).split()[-1])
    assert is_alive(grandchild)
    # when
    supervised.supervisor.stop(grace_seconds=0.3)
    # then
    assert "stubborn is killed: it did not stop in time" in supervised.lines
    eventually(lambda: not any(map(is_alive, (stubborn.pid, parent.pid, grandchild))), within_seconds=LONG_SECONDS)


def start_keeper(supervised: Supervised, times: int) -> None:
    """Start a process with data, which prints why it cannot stop."""
    code = (sys.executable, "-c", HAS_FULL_DISK, str(times))
    why = lambda lines: "there is no room" if any(line.endswith("no room") for line in lines) else None  # noqa: E731
    supervised.supervisor.start(ProcessSpec("keeper", code, stops_last=True, stop_obstacle=why))
    supervised.wait_for_lines("keeper: no room, long ago")


def test_stop_logs_why_a_process_cannot_stop(supervised: Supervised) -> None:
    # given
    start_keeper(supervised, 1000)
    # when
    supervised.supervisor.stop(grace_seconds=0.5, stop_again_seconds=0.01)
    # then
    assert supervised.lines.count("keeper cannot stop: there is no room; trying again for 0.5 s") == 1
    assert supervised.lines.count("keeper: no room") > 1
    # Lines that the process wrote before the kill may follow.
    assert "keeper is killed: there is no room" in supervised.lines


def test_stop_does_not_kill_a_process_that_stops_after_another_request(supervised: Supervised) -> None:
    # given
    start_keeper(supervised, 2)
    # when
    supervised.supervisor.stop(grace_seconds=LONG_SECONDS, stop_again_seconds=0.01)
    # then
    assert "keeper cannot stop: there is no room; trying again for 30 s" in supervised.lines
    assert not any("killed" in line for line in supervised.lines)


def test_stop_asks_a_process_once_when_it_stops_immediately(supervised: Supervised) -> None:
    # given
    start_keeper(supervised, 0)
    # when
    supervised.supervisor.stop()
    # then
    assert supervised.lines == ["keeper: no room, long ago"]


def test_children_of_a_dead_process_are_killed(supervised: Supervised) -> None:
    # given
    parent = supervised.supervisor.start(spec("parent", HAS_A_CHILD))
    assert supervised.supervisor.wait_until(lambda: len(supervised.lines) == 1, LONG_SECONDS)
    grandchild = int(supervised.lines[0].split()[-1])
    # when
    os.kill(parent.pid, signal.SIGKILL)
    with pytest.raises(ProcessDied):
        supervised.supervisor.run()
    # then
    eventually(lambda: not is_alive(grandchild), within_seconds=LONG_SECONDS)


def test_second_signal_does_not_wait_for_the_grace_period(supervised: Supervised) -> None:
    # given
    supervised.supervisor.start(spec("stubborn", SIGNALS_ITS_PARENT))
    supervised.wait_for_lines("stubborn: up")
    supervised.send_stop_signal()
    # when
    begun = time.monotonic()
    supervised.supervisor.stop(grace_seconds=300)
    # then
    assert time.monotonic() - begun < 60


def test_second_signal_does_not_kill_a_process_with_stops_last(supervised: Supervised) -> None:
    # given
    supervised.supervisor.start(spec("ground", PRINTS_WHEN_STOPPED, "ground", stops_last=True))
    supervised.supervisor.start(spec("stubborn", SIGNALS_ITS_PARENT))
    supervised.wait_for_lines("ground: up", "stubborn: up")
    supervised.send_stop_signal()
    # when
    supervised.supervisor.stop(grace_seconds=300)
    # then
    assert "stubborn is killed: it did not stop in time" in supervised.lines
    assert "ground is killed: it did not stop in time" not in supervised.lines
    assert supervised.lines[-1] == "ground: gone"


#: Sends signs of life, and prints its process id.
SENDS_SIGNS_OF_LIFE = (
    "import os, sys, time; from runtime import watchdog; watchdog.TIMEOUT_SECONDS = 2\n"
    "sign = watchdog.Watchdog(os.environ); print('up', os.getpid(), flush=True)\n"
    "while True: sign.beat(); time.sleep(0.5)"
)


def test_only_the_process_that_hangs_is_restarted(supervised: Supervised) -> None:
    # given
    beside = supervised.supervisor.start(spec("beside", SENDS_SIGNS_OF_LIFE))
    silent = supervised.supervisor.start(spec("silent", WAITS))
    hung = supervised.supervisor.start(spec("hung", SENDS_SIGNS_OF_LIFE))
    assert supervised.supervisor.wait_until(lambda: len(supervised.lines) == 3, LONG_SECONDS)
    assert not supervised.supervisor.wait_until(lambda: len(supervised.lines) > 3, 4)
    # when
    os.kill(hung.pid, signal.SIGSTOP)
    # then
    again = lambda: [line for line in supervised.lines if line.startswith("hung: up")]  # noqa: E731
    assert supervised.supervisor.wait_until(lambda: len(again()) == 2, LONG_SECONDS), supervised.lines
    assert "hung is restarted: it has hung for more than 2 s" in supervised.lines
    assert not is_alive(hung.pid)
    assert is_alive(beside.pid)
    assert is_alive(silent.pid)


def test_restart_of_a_process_is_logged_in_the_log_format(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setenv("LOG_FORMAT", "json")
    hung = supervised.supervisor.start(spec("hung", SENDS_SIGNS_OF_LIFE))
    has_begun = lambda: len(supervised.lines) == 1 and hung.hang_detector.timeout_seconds is not None  # noqa: E731
    assert supervised.supervisor.wait_until(has_begun, LONG_SECONDS)
    # when
    os.kill(hung.pid, signal.SIGSTOP)
    # then
    assert supervised.supervisor.wait_until(lambda: len(supervised.lines) >= 3, LONG_SECONDS), supervised.lines
    logged = [json.loads(line) for line in supervised.lines[:3]]
    assert [line["service"] for line in logged] == ["hung", "supervisor", "hung"]
    assert logged[1]["message"] == "hung is restarted: it has hung for more than 2 s"


def test_process_is_not_restarted_when_the_supervisor_was_suspended(supervised: Supervised) -> None:
    # given
    supervised.supervisor.start(spec("one", SENDS_SIGNS_OF_LIFE))
    assert supervised.supervisor.wait_until(lambda: len(supervised.lines) == 1, LONG_SECONDS)
    # when
    time.sleep(4)
    # then
    assert not supervised.supervisor.wait_until(lambda: len(supervised.lines) > 1, 1.5)


def test_wait_until_returns_whether_the_condition_was_met_in_time(supervised: Supervised) -> None:
    assert supervised.supervisor.wait_until(lambda: True, 0)
    assert not supervised.supervisor.wait_until(lambda: False, 0.3)


def start_driver() -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, [int(process.stdout.readline()) for _ in range(2)]


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_signal_stops_all_processes(number: signal.Signals) -> None:
    # given
    process, pids = start_driver()
    assert all(map(is_alive, pids))
    # when
    process.send_signal(number)
    output, _ = process.communicate(timeout=LONG_SECONDS)
    # then
    assert process.returncode == 0
    assert output == "stopped\n"
    assert not any(map(is_alive, pids))


def test_ctrl_c_of_the_terminal_reaches_only_the_supervisor() -> None:
    # given
    process, pids = start_driver()
    # then
    assert {os.getpgid(pid) for pid in pids} == set(pids)
    assert all(os.getsid(pid) != os.getsid(process.pid) for pid in pids)
    process.terminate()
    process.communicate(timeout=LONG_SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals children when their parent ends")
def test_processes_stop_when_their_supervisor_is_killed() -> None:
    # given
    process, pids = start_driver()
    # when
    process.kill()
    process.communicate(timeout=LONG_SECONDS)
    # then
    eventually(lambda: not any(map(is_alive, pids)), within_seconds=LONG_SECONDS)
