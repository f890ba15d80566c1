"""What clients of the Redis container make it keep beside the data."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis as redis_client

from deploy.local.valkey import valkey_binary
from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.waiting import eventually

REDIS = Path(__file__).parents[1] / "redis"
MIB = 2**20
#: ``mem_limit`` of compose, less twice ``REDIS_MAXMEMORY``.
ROOM_BYTES = 256 * MIB


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server with the image's configuration, whose users have the password ``secret``; its port."""
    users = (REDIS / "users.acl").read_text().replace("default off resetpass", "default on nopass")
    for name in ("collector", "ws", "api", "publisher", "operator"):
        users = users.replace(f"#@{name}@", ">secret")
    (tmp_path / "users.acl").write_text(users)
    settings = (REDIS / "redis.conf").read_text()
    changes = {"/store": str(tmp_path), "/secrets/redis/": f"{tmp_path}/", "bind * -::*": "bind 127.0.0.1"}
    for former, new in changes.items():
        assert former in settings
        settings = settings.replace(former, new)
    (tmp_path / "redis.conf").write_text(settings)
    port = free_port()
    command = [str(valkey_binary()), str(tmp_path / "redis.conf"), "--port", str(port)]
    server = Process("valkey", command)
    server.start()
    yield port
    server.kill()


def test_half_commands_take_no_more_memory_than_there_is_room_for(port: int) -> None:
    with redis_client.Redis(port=port, socket_timeout=60) as client:

        def answers() -> bool:
            with suppress(redis_client.ConnectionError):
                return bool(client.ping())
            return False

        eventually(answers, within_seconds=30)
        # Given clients that may be asked for nothing else, each with a command that does not end
        argument = b"$4000000\r\n" + b"x" * 4_000_000 + b"\r\n"
        senders = []
        for _ in range(4):
            sender = socket.create_connection(("127.0.0.1", port), timeout=60)
            senders.append(sender)
            sender.sendall(b"AUTH ws secret\r\n")
            assert sender.recv(100) == b"+OK\r\n"
            with suppress(ConnectionError):
                sender.sendall(b"*1000\r\n$4\r\nHSET\r\n" + 30 * argument)
        # Then the largest of them are gone, and others are answered
        most = eventually(
            lambda: (used := client.info("memory")["used_memory"]) < ROOM_BYTES + 32 * MIB and used,
            within_seconds=30,
        )
        assert most > 4_000_000
        assert client.info("stats")["evicted_clients"] > 0
        for sender in senders:
            sender.close()
