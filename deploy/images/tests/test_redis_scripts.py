"""What the Redis container does about scripts: it loads our functions, and ends what keeps Redis busy."""

import os
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis as redis_client

from contract.library import LIBRARY
from tests.drivers.process import ROOT, Process
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

IMAGE = Path(__file__).parents[1] / "redis"
LUA = Path(__file__).parents[3] / "contract/lua"
SCRIPTS = ("alive", "functions", "guard-scripts", "has-functions", "health", "keep-functions", "operator")
ENDLESS = "while true do end"
WROTE = f"redis.call('SET', 'x', '1') {ENDLESS}"


class Container:
    """The scripts of the image, beside a server on a port of its own."""

    def __init__(self, root: Path, port: int) -> None:
        (root / "bin").mkdir()
        (root / "operator-password").write_text("secret")
        for name in SCRIPTS:
            text = (IMAGE / "bin" / name).read_text()
            text = text.replace("/secrets/redis/", f"{root}/").replace("/etc/dispycluster/lua", str(LUA))
            text = text.replace("--user operator", f"-p {port} --user operator")
            (root / "bin" / name).write_text(text)
            (root / "bin" / name).chmod(0o755)
        path = f"{root / 'bin'}:{os.environ['PATH']}"
        self._environment = {"PATH": path, "REDIS_GUARD_SECONDS": "0.05", "REDIS_ANSWER_SECONDS": "1"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, env=self._environment, capture_output=True, text=True, timeout=60)

    @contextmanager
    def running(self, *words: str) -> Iterator[None]:
        process = Process("script", words, self._environment)
        process.start()
        try:
            yield
        finally:
            process.kill()


def allow(valkey: Valkey) -> None:
    """Give the server its operator, and let it tell soon that it is busy."""
    line = next(line for line in (IMAGE / "users.acl").read_text().splitlines() if line.startswith("user operator"))
    rules = [rule.replace("#@operator@", ">secret") for rule in line.split()[2:]]
    with valkey.client() as client:
        client.execute_command("ACL SETUSER", "operator", *rules)
        client.config_set("busy-reply-threshold", "50")


@pytest.fixture
def server() -> Iterator[Valkey]:
    """A server of the test's own, since it is ended."""
    if not (shutil.which("redis-cli") or shutil.which("valkey-cli")):
        if os.environ.get("CI"):
            raise RuntimeError("redis-cli is missing")
        pytest.skip("redis-cli is missing")
    valkey = Valkey()
    valkey.start()
    allow(valkey)
    yield valkey
    valkey.stop()


@pytest.fixture
def container(server: Valkey, tmp_path: Path) -> Container:
    return Container(tmp_path, server.port)


def run_forever(server: Valkey, run: Callable[[redis_client.Redis], object]) -> threading.Thread:
    """Have a client do what does not end; return the thread, which ends with it."""

    def wait() -> None:
        client = redis_client.Redis.from_url(server.url, socket_timeout=120)
        try:
            run(client)
        except redis_client.RedisError:
            pass
        finally:
            client.close()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    eventually(lambda: is_busy(server))
    return thread


def is_busy(server: Valkey) -> bool:
    client = redis_client.Redis.from_url(server.url, socket_timeout=10)
    try:
        client.ping()
    except redis_client.ResponseError as error:
        return "BUSY" in str(error)
    finally:
        client.close()
    return False


def call_endless(client: redis_client.Redis) -> object:
    client.function_load(f"#!lua name=endless\nredis.register_function('endless', function() {ENDLESS} end)")
    return client.fcall("endless", 0)


def test_image_prints_the_library_that_the_services_call(tmp_path: Path) -> None:
    assert Container(tmp_path, 6379).run("functions").stdout == LIBRARY
    command = [sys.executable, "-m", "contract.library"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == LIBRARY


def test_functions_are_loaded_at_the_start_and_again_when_redis_lost_them(container: Container, server: Valkey) -> None:
    with server.client() as client, container.running("keep-functions"):
        eventually(lambda: len(client.function_list()) == 1)
        client.function_flush()
        eventually(lambda: len(client.function_list()) == 1)


def test_functions_are_loaded_when_redis_was_replaced_by_an_empty_one(container: Container, server: Valkey) -> None:
    with container.running("keep-functions"):
        eventually(lambda: container.run("has-functions").returncode == 0)
        server.stop()
        server.start()
        allow(server)
        eventually(lambda: container.run("has-functions").returncode == 0)


def test_functions_are_loaded_when_redis_is_full(container: Container, server: Valkey) -> None:
    # given
    with server.client() as client:
        client.config_set("maxmemory", 1)
        assert "OOM" in container.run("sh", "-c", "functions | operator -x function load").stdout
        # when
        with container.running("keep-functions"):
            eventually(lambda: len(client.function_list()) == 1)
            # then, and the limit is there again
            eventually(lambda: client.config_get("maxmemory") == {"maxmemory": str(512 * 2**20)})


def test_redis_is_healthy_when_it_has_the_functions(container: Container, server: Valkey) -> None:
    assert container.run("health").returncode != 0
    container.run("sh", "-c", "functions | operator -x function load")
    assert container.run("health").returncode == 0
    server.stop()
    assert container.run("health").returncode != 0


def test_functions_of_the_last_release_survive_a_restart_of_redis(container: Container, server: Valkey) -> None:
    # given an append-only file, as the container writes it, of a Redis that the former release has used
    former = "#!lua name=dispycluster_000000000000\nredis.register_function('f_000000000000', function() return 1 end)"
    with server.client() as client:
        client.function_load(former)
        client.config_set("appendonly", "yes")
        eventually(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0)
        data = Path(client.config_get("dir")["dir"])
    # when
    server.stop()
    server.start(data, "--appendonly", "yes")
    allow(server)
    with server.client() as client, container.running("keep-functions"):
        # then both stand there
        eventually(lambda: len(client.function_list()) == 2)
        assert client.fcall("f_000000000000", 0) == 1


def test_redis_is_live_when_it_answers_and_not_when_it_hangs_or_is_stopped(
    container: Container, server: Valkey
) -> None:
    assert container.run("alive").returncode == 0
    server.pause()
    assert container.run("alive").returncode == 1
    server.resume()
    assert container.run("alive").returncode == 0
    server.stop()
    assert container.run("alive").returncode == 1


@pytest.mark.parametrize(("answer", "status"), [("LOADING it loads", 0), ("BUSY a script runs", 1)])
def test_redis_is_live_while_it_loads_and_not_while_a_script_blocks_it(
    tmp_path: Path, answer: str, status: int
) -> None:
    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                if line.strip().upper() in (b"AUTH", b"PING"):
                    self.wfile.write(b"+OK\r\n" if line.strip().upper() == b"AUTH" else f"-{answer}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as fake:
        threading.Thread(target=fake.serve_forever, daemon=True).start()
        assert Container(tmp_path, fake.server_address[1]).run("alive").returncode == status
        fake.shutdown()


@pytest.mark.parametrize("run", [lambda client: client.eval(ENDLESS, 0), call_endless], ids=["script", "function"])
def test_endless_script_is_killed_when_it_wrote_nothing(
    container: Container, server: Valkey, run: Callable[[redis_client.Redis], object]
) -> None:
    # given
    thread = run_forever(server, run)
    # when
    with container.running("guard-scripts", str(server.pid)):
        thread.join(60)
    # then
    assert not thread.is_alive()
    assert server.is_running
    assert not is_busy(server)


def test_server_is_ended_when_a_script_that_does_not_end_has_written(container: Container, server: Valkey) -> None:
    # given
    run_forever(server, lambda client: client.eval(WROTE, 0))
    assert "UNKILLABLE" in container.run("operator", "script", "kill").stdout
    # when
    with container.running("guard-scripts", str(server.pid)):
        eventually(lambda: not server.is_running, within_seconds=60)


def test_server_is_left_alone_when_it_answers(container: Container, server: Valkey) -> None:
    with container.running("guard-scripts", str(server.pid)), server.client() as client:
        before = client.info("stats")["total_connections_received"]
        eventually(lambda: client.info("stats")["total_connections_received"] > before + 20)
    assert server.is_running
