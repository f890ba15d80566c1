import http.server
import json
import socket

import pytest

from collector.check_nodes import main, missing_values
from collector.exporter_scraper import ExporterScraper
from collector.node_exporter import parse_exposition
from tests.drivers.serving import serving


@pytest.fixture
def check(tmp_path, capsys):
    """Check the targets of a text; return exit code, standard output and standard error."""

    def run(text):
        path = tmp_path / "nodes.yaml"
        if text is not None:
            path.write_text(text)
        # A missing file is no error if the command line does not name it.
        code = main([], default=path) if text is None else main(["--targets", str(path)])
        return code, *capsys.readouterr()

    return run


def test_check_prints_present_and_missing_values_when_a_node_answers(check, exporter):
    code, out, _ = check(f"workers: [local, {{host: 'localhost:{exporter}', name: pi}}]")

    assert code == 0
    here, pi = sorted(out.splitlines(), key=lambda line: line.startswith("pi "))
    assert "(local): read without an exporter in" in here
    assert pi.startswith(f"pi (localhost:{exporter}): name found (127.0.0.1), connected, HTTP 200 in ")
    assert "missing: temperature" in pi
    # The exposition was recorded long ago.
    assert "CLOCK OFF by -" in pi


def test_check_fails_and_prints_how_to_install_when_a_node_does_not_answer(check, exporter):
    code, out, _ = check(f"workers: ['127.0.0.1:1', '127.0.0.1:{exporter}']")

    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "127.0.0.1:1: FAILED: connection refused"
    assert lines[-1] == (
        "1 of 2 targets cannot be read. On nodes without an exporter, install it with: "
        "sudo apt-get install -y prometheus-node-exporter"
    )


def test_check_scrapes_all_other_nodes_when_one_scrape_raises_an_internal_error(check, exporter, monkeypatch):
    scrape = ExporterScraper.scrape

    async def fail_at_one(scraper):
        if scraper.host == "127.0.0.2":
            raise ValueError("Authorization: Bearer hunter2")
        return await scrape(scraper)

    monkeypatch.setattr(ExporterScraper, "scrape", fail_at_one)

    code, out, error = check(f"workers: ['127.0.0.2:1', '127.0.0.1:{exporter}']")

    assert code == 1
    assert "127.0.0.2:1: FAILED: cannot be read (ValueError)\n" in out
    assert f"127.0.0.1:{exporter}: connected, HTTP 200 in" in out
    assert "hunter2" not in out + error


def test_check_prints_name_not_found_when_the_name_does_not_exist(check, monkeypatch):
    def fail(host):
        raise OSError("no such name")

    monkeypatch.setattr("collector.targets.dns.look_up", fail)

    code, out, _ = check("workers: [pi.lan]")

    assert code == 1
    assert out.startswith("pi.lan (pi.lan:9100): FAILED: name not found\n")


@pytest.mark.parametrize(
    ("text", "hint"), [(None, "The file does not exist yet"), ("workers:", "The file lists no nodes yet")]
)
def test_check_prints_an_example_when_there_are_no_targets(check, text, hint):
    code, out, _ = check(text)

    assert code == 0
    assert hint in out
    assert "for instance: workers: [node1.lan, node2.lan]" in out


def test_check_prints_the_error_when_the_targets_file_is_not_valid(check):
    code, out, error = check("workers: [a b]")

    assert (code, out) == (2, "")
    assert "nodes.yaml is not valid: workers, entry 1: 'a b' is not a host or host:port" in error


def test_check_accepts_several_files_when_commas_separate_them(tmp_path, exporter, capsys):
    paths = [tmp_path / "nodes.yaml", tmp_path / "more.yaml"]
    paths[0].write_text("workers:")
    paths[1].write_text(f"workers: ['127.0.0.1:{exporter}']")

    code = main(["--targets", ",".join(map(str, paths))])

    assert (code, capsys.readouterr().out.count("\n")) == (0, 1)


def test_check_scrapes_through_the_exporter_of_this_machine_when_one_is_set(check, exporter, monkeypatch):
    monkeypatch.setenv("COLLECTOR_LOCAL_EXPORTER", f"localhost:{exporter}")

    code, out, _ = check("workers: [{host: local, name: here}]")

    assert code == 0
    assert out.startswith("here (local): name found (127.0.0.1), connected, HTTP 200 in ")


def test_check_names_the_variable_when_a_setting_is_not_valid(monkeypatch, capsys):
    monkeypatch.setenv("COLLECTOR_PORT", "none")

    assert main([]) == 2
    assert "COLLECTOR_PORT" in capsys.readouterr().err


def test_missing_values_are_named_when_an_exposition_has_few(exposition):
    sample = parse_exposition(b"node_load1 0.5", monotonic_seconds=0.0, unix_seconds=0.0)

    assert missing_values(sample) == [
        "CPU",
        "memory",
        "disk usage",
        "network",
        "disk traffic",
        "temperature",
        "boot time",
    ]


def test_check_prints_choices_and_the_cause_of_missing_values_when_an_exposition_is_unusual(check, serve):
    image = (
        'node_filesystem_size_bytes{device="/dev/dm-0",fstype="erofs",mountpoint="/"} 10\n'
        + "".join(
            f'node_filesystem_{name}_bytes{{device="/dev/sda1",fstype="ext4",mountpoint="/var"}} 10\n'
            for name in ("size", "free", "avail")
        )
        + "".join(
            f'node_network_{way}_bytes_total{{device="{name}"}} 1\n'
            for way in ("receive", "transmit")
            for name in ("eth0", "enP53091s1")
        )
    )
    old = 'node_exporter_build_info{version="0.15.2"} 1\n'

    _, out, _ = check(f"workers: ['127.0.0.1:{serve(image)}', 'localhost:{serve(old)}']")

    assert (
        "; network: counts eth0, not enP53091s1: it is likely a second path to the same card; disk: uses '/var'" in out
    )
    assert "boot time (its exporter is node_exporter older than 0.16 (0.15.2), update it); clock unknown" in out


def test_check_scrapes_discovered_targets_of_files_and_dns_names(check, exporter, monkeypatch):
    monkeypatch.setenv("COLLECTOR_DNS_TARGETS", f"localhost:{exporter}")

    code, out, _ = check(f'[{{"targets": ["127.0.0.2:{exporter}", "127.0.0.1:{exporter}"]}}]')

    # Both sources have 127.0.0.1; the name may also have an IPv6 address, and no exporter listens there.
    lines = [line for line in out.splitlines() if line.startswith("127")]
    assert [line.partition(": ")[0] for line in lines] == [f"127.0.0.2:{exporter}", f"127.0.0.1:{exporter}"]
    assert "connected, HTTP 200" in lines[1]
    assert code == 1


def test_check_fails_when_a_dns_name_has_no_targets(check, monkeypatch):
    def getaddrinfo(host, *_, **__):
        if host == "none.lan":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    monkeypatch.setenv("COLLECTOR_DNS_TARGETS", "none.lan away.lan")

    code, out, _ = check(None)

    assert code == 1
    assert out.splitlines()[:2] == [
        "none.lan: FAILED: the name has no address",
        "away.lan: FAILED: Temporary failure in name resolution",
    ]


def test_check_scrapes_the_targets_of_a_target_list(check, exporter, monkeypatch):
    lists = {
        "/full": json.dumps([{"targets": [f"127.0.0.1:{exporter}"], "labels": {"rack": "07"}}]),
        "/empty": "[]",
        "/wrong?token=t0ken": "[",
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(lists[self.path].encode())

        def log_message(self, *_):
            pass

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        start = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("COLLECTOR_HTTP_SD_URLS", " ".join(f"{start}{path}" for path in lists))
        code, out, _ = check(None)

    lines = out.splitlines()
    assert lines[:2] == [
        f"{start}/empty: FAILED: the target list is empty",
        f"{start}/wrong?…: FAILED: answer is not valid (Input data was truncated)",
    ]
    assert lines[2].startswith(f'127.0.0.1:{exporter} {{rack="07"}}: connected, HTTP 200 in ')
    assert code == 1
    assert "t0ken" not in out


def test_check_names_this_machine_as_in_the_settings(check, monkeypatch):
    monkeypatch.setenv("COLLECTOR_LOCAL_NAME", "edge")

    assert check("workers: [local]")[1].startswith("edge (local): read without an exporter")


def test_check_names_the_collector_that_hangs(check, monkeypatch):
    monkeypatch.setattr("collector.check_nodes.TIMEOUT_SECONDS", 0.5)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked = "collect" in self.path
            if not asked or "filesystem" in self.path:
                self.rfile.read(1)  # which never arrives
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"node_load1 0.5\n")

        def log_message(self, *_):
            pass

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        code, out, _ = check(f"workers: ['127.0.0.1:{server.server_address[1]}']")

    assert code == 0
    assert "disk usage" in out
    assert "(COLLECTOR filesystem HANGS and was left out)" in out


def test_check_names_the_option_of_a_missing_credentials_file(check, exporter, monkeypatch, tmp_path):
    monkeypatch.setenv("COLLECTOR_CREDENTIALS_DIR", str(tmp_path))

    code, out, _ = check(
        f"workers: [{{host: '127.0.0.1:{exporter}', scheme: https, username: u, password_file: hunter2}}]"
    )

    assert code == 1
    why = "password_file is not in COLLECTOR_CREDENTIALS_DIR"
    assert out.splitlines() == [
        f"127.0.0.1:{exporter}: FAILED: no request was sent: {why}",
        # The output has no hint to install an exporter: the exporter exists.
        "1 of 1 target cannot be read.",
    ]
    assert "hunter2" not in out


@pytest.mark.parametrize("named", ["nope.yaml", "nodes.yaml,nope.yaml"])
def test_check_fails_when_a_file_that_was_named_does_not_exist(tmp_path, monkeypatch, capsys, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nodes.yaml").write_text("workers: [local]")
    assert main(["--targets", named]) == 2
    assert capsys.readouterr() == ("", "nope.yaml: the file does not exist\n")


@pytest.mark.parametrize("named", ["", " , "])
def test_check_fails_when_no_file_is_named(named, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--targets", named])
    assert "expected one or more paths" in capsys.readouterr().err


def test_check_prints_each_node_of_a_range_with_its_labels(check, exporter):
    text = f"""
        groups:
          - labels: {{rack: "07", owner: 'the "lab"'}}
            workers: ["127.0.0.[1-2]:{exporter}", "127.0.0.1:1"]
        workers: ["127.0.0.3:{exporter}", {{host: "nope.invalid", labels: {{zone: north}}}}]
    """

    _, out, _ = check(text)

    labels = r'{owner="the \"lab\"", rack="07"}'
    lines = out.splitlines()
    assert f"127.0.0.1:1 {labels}: FAILED: connection refused" in lines
    for host in ("127.0.0.1", "127.0.0.2"):
        assert any(line.startswith(f"{host}:{exporter} {labels}: ") for line in lines)
    assert any(line.startswith(f"127.0.0.3:{exporter}: ") for line in lines)
    assert 'nope.invalid (nope.invalid:9100) {zone="north"}: FAILED: name not found' in lines


def test_check_prints_labels_that_are_left_out(check, exporter):
    code, out, _ = check(f'[{{"targets": ["127.0.0.1:{exporter}"], "labels": {{"rack": 7, "zone": "n"}}}}]')

    assert code == 0
    assert f'127.0.0.1:{exporter} {{zone="n"}}: ' in out
    assert "nodes.yaml is left out: group 1: the value of the label rack is a number and must be a text" in out
