"""New passwords for the users of Redis, while it runs."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from deploy.local.valkey import valkey_binary, valkey_command
from tests.drivers.made_secrets import SecretsScript
from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.waiting import Deadline


class Installation(SecretsScript):
    """The secrets, and a server that has the ACL file of them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        assert self.run().returncode == 0
        self.port = free_port()
        (root / "data").mkdir()
        command = valkey_command(valkey_binary(), port=self.port, data_dir=root / "data")
        self.server = Process("valkey", [*command, "--save", "", "--aclfile", str(self.secrets / "redis/users.acl")])

    def password(self, user: str) -> str:
        name = "redis/operator-password" if user == "operator" else f"{user}/redis-password"
        return (self.secrets / name).read_text()

    def client(self, user: str, password: str = "") -> redis.Redis:
        return redis.Redis(port=self.port, username=user, password=password or self.password(user), socket_timeout=10)

    def accepts(self, user: str, password: str) -> bool:
        with self.client(user, password) as client:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                return False

    def load(self) -> None:
        with self.client("operator") as operator:
            assert operator.execute_command("ACL LOAD") in (b"OK", True)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    made.server.start()
    try:
        deadline = Deadline(60)
        while True:
            try:
                made.accepts("api", made.password("api"))
                break
            except redis.ConnectionError:
                assert not deadline.has_passed, made.server.log()
                time.sleep(0.05)
        yield made
    finally:
        made.server.kill()


def test_both_passwords_are_good_until_the_services_have_the_new_one(installation: Installation) -> None:
    # given: a service that is connected all the while, and one that starts again at any moment
    users = ("api", "ws", "collector", "publisher", "operator")
    former = {user: installation.password(user) for user in users}
    connected = installation.client("ws").pubsub()
    connected.subscribe("cluster:metrics")
    assert connected.get_message(timeout=10) is not None
    # when
    for word in ("next", "use"):
        assert installation.run_word(word).returncode == 0
        if word == "next":
            installation.load()
        for user in users:
            # then
            assert installation.accepts(user, former[user])
            assert installation.accepts(user, installation.password(user))
    assert all(installation.password(user) != former[user] for user in users)
    # and when
    assert installation.run_word("end").returncode == 0
    installation.load()
    # then
    for user in users:
        assert not installation.accepts(user, former[user])
        assert installation.accepts(user, installation.password(user))
    with installation.client("publisher") as publisher:
        assert publisher.publish("cluster:metrics", "x") == 1
    message = connected.get_message(timeout=10)
    assert message is not None
    assert message["data"] == b"x"
    connected.close()
    assert sorted(installation.files()) == [
        "access/key", "api/redis-password", "collector/redis-password", "publisher/redis-password",
        "redis/operator-password", "redis/users.acl", "ws/redis-password",
    ]  # fmt: skip


def test_rotation_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    # given
    container = SecretsScript(tmp_path)
    container.run()
    container.run_word("next")
    further = (container.secrets / "ws/redis-password.next").read_text()
    # when: a start in between, and the rotation from its beginning
    container.run()
    container.run_word("next")
    container.run_word("use")
    former = (container.secrets / "ws/redis-password.former").read_text()
    for word in ("next", "use"):
        container.run_word(word)
    # then
    assert (container.secrets / "ws/redis-password").read_text() == further
    assert (container.secrets / "ws/redis-password.former").read_text() == former
    acl = (container.secrets / "redis/users.acl").read_text()
    assert f"user ws on #{_hash(further)} #{_hash(former)} " in acl
    # and when
    container.run_word("end")
    # then
    assert f"user ws on #{_hash(further)} resetkeys" in (container.secrets / "redis/users.acl").read_text()


def test_new_session_key_keeps_the_previous_one_only_with_an_overlap(tmp_path: Path) -> None:
    container = SecretsScript(tmp_path)
    container.run()
    key, former = container.secrets / "access/key", container.secrets / "access/key.former"
    first = key.read_text()
    container.run_word("key", "1800000000", "1790000000")
    assert former.read_text() == f"{first} 1800000000 1790000000\n"
    assert key.read_text() != first
    second = key.read_text()
    container.run_word("key")
    assert not former.exists()
    assert key.read_text() not in (first, second)


def test_second_key_waits_until_the_first_one_signs(tmp_path: Path) -> None:
    container = SecretsScript(tmp_path)
    container.run()
    key = container.secrets / "access/key"
    soon = str(int(time.time()) + 60)
    assert container.run_word("key", "1900000000", soon).returncode == 0
    first = key.read_text()
    again = container.run_word("key", "1900000000", soon)
    assert again.returncode == 1
    assert "does not sign yet" in again.stderr
    assert key.read_text() == first
    # and a stolen one is replaced at once
    assert container.run_word("key").returncode == 0


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
