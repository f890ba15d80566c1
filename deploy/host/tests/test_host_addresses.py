"""The URLs of the pages."""

import socket
from pathlib import Path

from deploy.host.addresses import machine_addresses, probe_host, urls


def test_urls_are_those_that_people_open() -> None:
    assert urls("127.0.0.1", 8085) == ["http://localhost:8085"]
    assert urls("192.168.1.5", 80) == ["http://192.168.1.5"]
    assert urls("::1", 8085) == ["http://[::1]:8085"]
    assert urls("192.168.1.5", 443, scheme="https") == ["https://192.168.1.5"]
    assert urls("192.168.1.5", 80, scheme="https") == ["https://192.168.1.5:80"]
    everywhere = urls("0.0.0.0", 8085)
    assert everywhere[:2] == ["http://localhost:8085", f"http://{socket.gethostname()}:8085"]


def test_machine_addresses_are_those_of_the_kernel_without_loopback(tmp_path: Path) -> None:
    # given
    (tmp_path / "fib_trie").write_text(
        "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n"
        "     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.168.1.17\n        /32 host LOCAL\n"
        "     |-- 192.168.1.255\n        /32 link BROADCAST\n"
        "Local:\n     |-- 192.168.1.17\n        /32 host LOCAL\n"
    )
    (tmp_path / "if_inet6").write_text(
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fd000000000000000000000000000006 02 40 00 80     eth0\n"
        "fe800000000000000000000000000006 02 40 20 80     eth0\n"
    )
    # then
    assert machine_addresses(with_ipv6=False, proc_net=tmp_path) == ["192.168.1.17"]
    assert machine_addresses(with_ipv6=True, proc_net=tmp_path) == ["192.168.1.17", "fd00::6"]
    assert machine_addresses(with_ipv6=True, proc_net=tmp_path / "none") == []


def test_probe_host_is_loopback_when_a_server_listens_on_all_addresses() -> None:
    assert [probe_host(host) for host in ("0.0.0.0", "::", "10.0.0.1")] == ["127.0.0.1", "::1", "10.0.0.1"]
