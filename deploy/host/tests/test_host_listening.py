"""Free ports, and the program that listens on a port."""

from pathlib import Path

from deploy.host.listening import is_free, listener_name, next_free_port
from tests.drivers.ports import free_port


def test_port_is_free_unless_a_server_listens(taken: int) -> None:
    assert not is_free(taken)
    assert not is_free(taken, "0.0.0.0")
    assert is_free(free_port())


def test_listener_name_is_empty_when_it_cannot_be_found(taken: int, tmp_path: Path) -> None:
    assert listener_name(taken, proc=tmp_path) == ""
    assert listener_name(free_port()) == ""


def test_next_free_port_is_above_a_taken_one(taken: int) -> None:
    other = next_free_port(taken, "127.0.0.1")
    assert other > taken
    assert is_free(other)
    assert next_free_port(65535, "127.0.0.1") == 65535
