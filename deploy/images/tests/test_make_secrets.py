"""The passwords, the ACL file and the key of access, made on the first start and kept."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.drivers.made_secrets import SecretsScript


@pytest.fixture
def container(tmp_path: Path) -> SecretsScript:
    return SecretsScript(tmp_path)


def test_first_start_makes_every_secret_and_a_later_one_keeps_them(container: SecretsScript) -> None:
    # when
    first = container.run()
    # then
    assert (first.returncode, first.stdout) == (0, "secrets: 6 created, 0 kept\n")
    made = container.files()
    secrets = {name: text for name, text in made.items() if name != "redis/users.acl"}
    assert set(secrets) == {
        *("access/key", "api/redis-password", "ws/redis-password", "collector/redis-password"),
        *("publisher/redis-password", "redis/operator-password"),
    }
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in secrets.values())
    assert len(set(secrets.values())) == 6
    assert {path.stat().st_mode & 0o777 for path in container.secrets.rglob("*") if path.is_file()} == {0o600}
    # and when
    assert container.run().stdout == "secrets: 0 created, 6 kept\n"
    # then
    assert container.files() == made


def test_acl_file_has_the_hash_of_each_password(container: SecretsScript) -> None:
    container.run()
    made = container.files()
    for user in ("api", "ws", "collector", "publisher"):
        digest = hashlib.sha256(made[f"{user}/redis-password"].encode()).hexdigest()
        assert f"user {user} on #{digest} " in made["redis/users.acl"]
    assert "@ws@" not in made["redis/users.acl"]
    assert "cluster:access:revocations" in made["redis/users.acl"]


def test_deployment_of_before_gets_the_key_and_keeps_its_passwords(container: SecretsScript) -> None:
    # given
    container.run()
    before = container.files()
    (container.secrets / "access/key").unlink()
    # when
    said = container.run().stdout
    # then
    after = container.files()
    assert said == "secrets: 1 created, 5 kept\n"
    assert after.pop("access/key") != before.pop("access/key")
    assert after == before


def test_key_is_left_to_others_where_nothing_is_mounted_for_it(container: SecretsScript) -> None:
    (container.secrets / "access").rmdir()
    done = container.run()
    assert (done.returncode, done.stdout) == (0, "secrets: 5 created, 0 kept\n")


def test_no_secret_is_created_while_access_is_missing(container: SecretsScript) -> None:
    # when
    done = container.run(PUBLIC_HOST="0.0.0.0")
    # then
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == ["ACCESS=closed", "ACCESS=open"]
    assert container.files() == {}
    # and when it was said
    assert container.run(PUBLIC_HOST="0.0.0.0", ACCESS="closed").returncode == 0
