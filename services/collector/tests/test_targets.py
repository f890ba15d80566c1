import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.targets.entry import PLAIN_HTTP, HttpOptions, TargetsError
from collector.targets.parse import parse_entries
from collector.targets.target import TARGETS_LIMIT, name_targets


def parse_targets(*texts):
    return name_targets(map(parse_entries, texts), "laptop")


def parsed(*texts):
    return [(target.node, target.address, target.role) for target in parse_targets(*texts)]


def test_targets_match_the_file_of_an_existing_cluster():
    text = "# Liste des noeuds\nworkers:\n  - node13.lan\n  - node6.lan\n\nmaster: node13.lan\n"

    assert parsed(text) == [("node13.lan", "node13.lan:9100", "master"), ("node6.lan", "node6.lan:9100", "worker")]


@pytest.mark.parametrize(
    "text", ["", "# nothing yet", "workers:", "workers: []", "workers: ~\nmaster: ~", "master:\nother: 1"]
)
def test_file_without_nodes_has_no_targets(text):
    assert parsed(text) == []


@pytest.mark.parametrize(
    ("entry", "node", "address"),
    [
        ("pi", "pi", "pi:9100"),
        ("pi:9100", "pi", "pi:9100"),
        ("pi:9200", "pi:9200", "pi:9200"),
        ("10.0.0.7", "10.0.0.7", "10.0.0.7:9100"),
        ("pi-é.lan", "pi-é.lan", "pi-é.lan:9100"),
        ("fd00::6", "fd00::6", "[fd00::6]:9100"),
        ('"::1"', "::1", "[::1]:9100"),
        ('"[fd00::6]"', "fd00::6", "[fd00::6]:9100"),
        ('"[fd00::6]:9100"', "fd00::6", "[fd00::6]:9100"),
        ('"[fd00::6]:9200"', "[fd00::6]:9200", "[fd00::6]:9200"),
        ("fe80::1%eth0", "fe80::1%eth0", "[fe80::1%eth0]:9100"),
        ("local", "laptop", "local"),
        ("{host: pi, name: head}", "head", "pi:9100"),
        ("{host: 'pi:9200', name: '<b>head/1</b>'}", "<b>head/1</b>", "pi:9200"),
        ("{host: local, name: here}", "here", "local"),
        ("local:9100", "local", "local:9100"),
    ],
)
def test_entry_has_name_and_address_in_every_notation(entry, node, address):
    assert parsed(f"workers:\n  - {entry}") == [(node, address, "worker")]


@pytest.mark.parametrize(
    ("texts", "simulated"),
    [
        (["workers: [a]", "simulated: true\nworkers: [b]\nmaster: c"], {"a": False, "b": True, "c": True}),
        (["simulated: true\nworkers: [a]", "workers: [a]"], {"a": True}),
        (["simulated: false\nworkers: [a]", '{"simulated": true, "master": "b"}'], {"a": False, "b": True}),
    ],
)
def test_targets_are_simulated_when_their_file_is_simulated(texts, simulated):
    assert {target.node: target.is_simulated for target in parse_targets(*texts)} == simulated


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        # A host that is listed twice is distinguished by its ports.
        ("workers: [pi, 'pi:9200']", [("pi:9100", "worker"), ("pi:9200", "worker")]),
        ("workers: [pi, PI]", [("pi", "worker")]),
        # A host under both keys is one node.
        ("workers: [pi]\nmaster: pi", [("pi", "master")]),
        ("workers: [pi]\nmaster: {host: pi, name: head}", [("head", "master")]),
        ("workers: [{host: pi, name: head}]\nmaster: pi", [("head", "master")]),
        ("workers: ['pi:9200']\nmaster: pi", [("pi:9200", "master")]),
        ("workers: [pi]\nmaster: 'pi:9200'", [("pi:9200", "master")]),
        (
            "workers: ['pi:9200', 'pi:9300']\nmaster: pi",
            [("pi:9100", "master"), ("pi:9200", "worker"), ("pi:9300", "worker")],
        ),
        ("workers: [local]\nmaster: local", [("laptop", "master")]),
        ("workers: [local, laptop]", [("laptop", "worker"), ("laptop:9100", "worker")]),
        # A given name has priority over a derived name.
        ("workers: [{host: a, name: b}, b]", [("b", "worker"), ("b:9100", "worker")]),
    ],
)
def test_names_are_unique_and_stable_when_hosts_repeat(text, nodes):
    assert [(node, role) for node, _, role in parsed(text)] == nodes


@pytest.mark.parametrize(
    ("text", "error_text"),
    [
        ("workers: [", "not YAML"),
        ("workers:\n - [fd00::6]:9100", "needs quotes.*, in line 2$"),
        ("workers:\n - [fd00::6]", "entry 1.*needs quotes"),
        ("a", "it must have the form workers"),
        ("workers: pi", "workers must be a list"),
        ("workers: [a, 12]", "workers, entry 2: 12 is not a host"),
        ("workers: [~]", "entry 1"),
        ("workers: ['']", "entry 1"),
        ("workers: ['a b']", "entry 1: 'a b' is not a host"),
        ("workers: ['a:']", "no valid port"),
        ("workers: ['a:0']", "no valid port"),
        ("workers: ['a:65536']", "no valid port"),
        ("workers: ['a:٣']", "no valid port"),
        ("workers: ['http://a:9100']", "is a URL"),
        ("workers: ['a/metrics']", "not a host"),
        ("workers: ['user@a']", "not a host"),
        ("workers: ['[fd00::6']", "brackets"),
        (r'{"workers": ["fe80::1%\ud800"]}', "no valid port"),
        (r'{"workers": ["[fe80::1%\u001b[31m]:9100"]}', "brackets"),
        (f"workers: ['fe80::1%{'x' * 33}']", "no valid port"),
        ("workers: ['[fd00::6]9100']", "brackets"),
        ("workers: ['[a]:9100']", "brackets"),
        ("workers: ['" + "a" * 64 + ".lan']", "not a host"),
        ("workers: [{name: x}]", "entry 1"),
        (
            "workers: [{host: a, port: 9200}]",
            "'port' is not a field of an entry \\(write host: node1.lan:9200\\), in line 1$",
        ),
        # Unreachable addresses.
        ("workers: ['127.1']", "'127.1' is not an IPv4 address"),
        ("workers: ['010.0.0.1']", "'010.0.0.1' is not an IPv4 address"),
        ("workers: ['256.1.1.1:9100']", "'256.1.1.1' is not an IPv4 address"),
        ("workers: ['1']", "'1' is not an IPv4 address"),
        ("workers: ['0x7f.0.0.1']", "is not an IPv4 address"),
        ("workers: ['1.2.3.4.5']", "is not an IPv4 address"),
        ("workers: ['10.0.0.1.']", "is not an IPv4 address"),
        ("workers: ['224.0.0.1']", "is not the address of a single machine"),
        ("workers: ['[::ffff:224.0.0.1]']", "is not the address of a single machine"),
        ("workers: ['[::ffff:0.1.2.3]']", "is not the address of a single machine"),
        ("workers: ['[::ffff:255.255.255.255]:9100']", "is not the address of a single machine"),
        ("workers: ['$HOST']", "is not a host or host:port"),
        ("workers: ['*.lan']", "is not a host or host:port"),
        ("workers: ['node(1)']", "is not a host or host:port"),
        ("workers: ['node1;node2']", "is not a host or host:port"),
        ("workers: ['node=1']", "is not a host or host:port"),
        ("workers: ['0.1.2.3']", "is not the address of a single machine"),
        ("workers: ['fe80::1']", "needs the interface of this machine that reaches it, as in fe80::1%eth0"),
        ("workers: ['a\u200db']", "is not a host"),
        # The error names the line.
        ("workers:\n  - a\n  - b\n  - 127.1\n", "workers, entry 3: .*, in line 4$"),
        ("workers:\n  - a\nmaster: 256.1.1.1\n", "master: .*, in line 3$"),
        ('{"workers": [\n"a",\n"127.1"]}', "entry 2: .*, in line 3$"),
        # A misspelling.
        ("# mine\nworker:\n  - a\n", "'worker' is not a key of this file \\(did you mean workers\\?\\), in line 2$"),
        ("worker: [a]\nmaster: b", "did you mean workers"),
        ("Workers: [a]", "did you mean workers"),
        ("masters: a\nworkers: [b]", "did you mean master"),
        ("nodes: [a]", "it has neither workers nor master nor groups, but 'nodes'"),
        ("12: [a]", "it has neither workers nor master nor groups, but '12'"),
        ("workers: [{host: a, nane: b}]", "'nane' is not a field of an entry \\(did you mean name\\?\\)"),
        ("workers: [{host: a, tls_config: {}}]", "'tls_config' is not a field of an entry \\(write ca_file, "),
        (
            "workers: [{host: a, basic_auth: {}}]",
            "'basic_auth' is not a field of an entry \\(write username and password_file",
        ),
        ("workers: [{host: a, weight: 5}]", "'weight' is not a field of an entry; its fields are host, name, scheme, "),
        ("simulated: true", "it has neither workers nor master nor groups, but 'simulated'"),
        ("simulated: perhaps\nworkers: [a]", "simulated must be true or false, not 'perhaps', in line 1"),
        ("simulate: true\nworkers: [a]", "'simulate' is not a key of this file \\(did you mean simulated"),
        ("workers: [{host: a, name: ''}]", "name ''"),
        ('workers: [{host: a, name: "b\\u0007"}]', "printable"),
        ("master: [a]", "master"),
        ("workers: [{host: a, name: x}, {host: b, name: x}]", "'x' is given to 2 nodes"),
        ("workers: [{host: a, name: x}, {host: a, name: y}]", "two names"),
        ("workers: [{host: a, name: b}, {host: c, name: 'b:9100'}, b]", "needs a name"),
    ],
)
def test_targets_error_names_the_entry_and_the_cause_when_an_entry_is_not_valid(text, error_text):
    with pytest.raises(TargetsError, match=error_text):
        parsed(text)


@pytest.mark.parametrize("entry", ["node.1", "1a", "10.0.0.7", "rack1.node2", "fe80::1%eth0", "0.0.0.0"])
def test_host_is_accepted_when_it_is_valid(entry):
    assert len(parsed(f"workers: ['{entry}']")) == 1


def test_targets_error_contains_no_password_when_a_password_is_in_the_wrong_place():
    for entry in (
        "{host: a, password: hunter2}",
        "'http://user:hunter2@a:9100'",
        "'user:hunter2@a'",
        "'https://a:9100/metrics?token=hunter2'",
        "'a:9100/metrics?token=hunter2'",
        "'user:hunter2@a/?b'",
        "{host: a, scheme: https, username: 'u:hunter2', password_file: p}",
        "{host: a, scheme: https, bearer_token_file: ../hunter2}",
        "{host: {password: hunter2}}",
    ):
        with pytest.raises(TargetsError) as caught:
            parsed(f"workers: [{entry}]")
        assert "hunter2" not in str(caught.value)


FILES = "scheme: https, username: u, password_file: p"


@pytest.mark.parametrize(
    ("fields", "error_text"),
    [
        ("scheme: ftp", "scheme must be http or https, not 'ftp'"),
        ("ca_file: ca.pem", "ca_file needs scheme: https"),
        ("insecure: true", "insecure needs scheme: https"),
        ("scheme: https, insecure: 'yes'", "insecure must be true or false"),
        ("scheme: https, username: u", "set username and password_file together, or neither"),
        ("scheme: https, password_file: p", "set username and password_file together, or neither"),
        (f"{FILES}, bearer_token_file: t", "set password_file or bearer_token_file, not both"),
        (f"{FILES}, insecure: true", "insecure: true would send the credentials to any machine that answers"),
        ("username: u, password_file: p", "anybody on the network can read credentials over plain HTTP"),
        ("bearer_token_file: t", "anybody on the network can read credentials over plain HTTP"),
        ("credentials_over_http: true", "needs scheme: http and credentials"),
        (f"{FILES}, credentials_over_http: true", "needs scheme: http and credentials"),
        ("scheme: https, ca_file: a/../../b", "must not contain .., which leaves COLLECTOR_CREDENTIALS_DIR"),
        ("scheme: https, ca_file: [a]", "ca_file must be the path of a file"),
        (
            "scheme: https, user: u, password_file: p",
            "'user' is not a field of an entry \\(did you mean username\\?\\)",
        ),
    ],
)
def test_targets_error_names_the_conflict_of_http_options(fields, error_text):
    with pytest.raises(TargetsError, match=f"workers, entry 2: .*{error_text}.*, in line 3$"):
        parsed(f"workers:\n  - a\n  - {{host: b, {fields}}}")


def test_target_has_the_http_options_of_its_entry():
    text = f"workers: [{{host: a, {FILES}, ca_file: ca.pem, server_name: é.lan}}, b]\nmaster: a"

    a, b = parse_targets(text)

    assert a.http == HttpOptions(
        scheme="https", ca_file="ca.pem", server_name="xn--9ca.lan", username="u", password_file="p"
    )
    assert (a.role, b.http) == ("master", PLAIN_HTTP)


@pytest.mark.parametrize("text", ["workers: [{host: local, scheme: https}]", "master: {host: local, scheme: https}"])
def test_targets_error_is_raised_when_the_local_entry_has_http_options(text):
    with pytest.raises(TargetsError, match="local is this machine, which the collector reads without HTTP"):
        parsed(text)


def test_targets_error_is_raised_when_one_address_has_different_http_options():
    with pytest.raises(TargetsError, match="a:9100 is listed twice with different fields"):
        parsed("workers: [{host: a, scheme: https}, {host: a, scheme: https, ca_file: ca.pem}]")


def test_targets_are_rejected_when_there_are_too_many_for_one_collector():
    text = "workers:\n" + "".join(f" - node{number}\n" for number in range(TARGETS_LIMIT + 1))

    with pytest.raises(TargetsError, match="one collector accepts only 4,000"):
        parsed(text)


@pytest.mark.parametrize(
    ("texts", "nodes"),
    [
        (["workers: [a]", "workers: [b]"], [("a", "worker"), ("b", "worker")]),
        (["workers: [a]", ""], [("a", "worker")]),
        # An address in two files is one node.
        (["workers: [a]", "workers: ['A:9100']"], [("a", "worker")]),
        (["workers: [a]", "workers: [{host: a, name: x}]"], [("x", "worker")]),
        (["workers: [a]", "master: a"], [("a", "master")]),
        (["workers: [local]", "workers: [local]"], [("laptop", "worker")]),
        # Each file may have a master.
        (["master: a", "master: b"], [("a", "master"), ("b", "master")]),
        # A host in two files is distinguished by its ports.
        (["workers: [a]", "workers: ['a:9200']"], [("a:9100", "worker"), ("a:9200", "worker")]),
    ],
)
def test_targets_come_from_all_files(texts, nodes):
    assert [(node, role) for node, _, role in parsed(*texts)] == nodes


@pytest.mark.parametrize(
    ("texts", "error_text"),
    [
        (["workers: [{host: a, name: x}]", "workers: [{host: b, name: x}]"], "'x' is given to 2 nodes"),
        (["workers: [{host: a, name: x}]", "master: {host: a, name: y}"], "two names"),
        (
            ["workers: [a]", "workers: [" + ", ".join(f"n{n}" for n in range(TARGETS_LIMIT)) + "]"],
            "one collector accepts only 4,000",
        ),
    ],
)
def test_targets_error_names_the_conflict_of_files(texts, error_text):
    with pytest.raises(TargetsError, match=error_text):
        parsed(*texts)


def test_targets_are_rejected_when_their_names_are_too_long_for_a_message():
    texts = [
        json.dumps({"workers": [{"host": f"n{file}-{number}", "name": f"{file}-{number}" + "\U0001f600" * 240}
                                for number in range(600)]}, ensure_ascii=False)
        for file in range(2)
    ]  # fmt: skip
    assert len(parsed(texts[0])) == 600
    with pytest.raises(
        TargetsError, match=r"names and addresses take [0-9,]+ bytes, and a message has room for 1,048,576"
    ):
        parsed(*texts)


def test_targets_are_rejected_when_many_nodes_leave_too_little_room_for_names():
    # The maximum size of a file is 1 MiB.
    files = [
        "workers:\n" + "".join(f"- n{number}.{'n' * 58}.{'n' * 58}\n" for number in range(first, first + 1000))
        for first in range(1000, 1000 + TARGETS_LIMIT, 1000)
    ]
    assert len(parsed(*files[:3])) == 3000
    with pytest.raises(
        TargetsError, match=r"names and addresses take [0-9,]+ bytes, and a message has room for 777,728"
    ):
        parsed(*files)


@given(st.text())
def test_parsing_returns_unique_names_or_raises_for_any_text(text):
    try:
        targets = parse_targets(text)
    except TargetsError:
        return
    assert len({target.node for target in targets}) == len(targets)


_HOSTS = st.sampled_from(["a", "A", "b", "a:9100", "a:9200", "local", "fd00::1", "[fd00::1]:9100"])
_NAMES = st.sampled_from(["a", "b", "laptop", "a:9100", "x"])
_ENTRIES = st.one_of(_HOSTS, st.fixed_dictionaries({"host": _HOSTS, "name": _NAMES}))


@given(st.lists(_ENTRIES, max_size=5), st.none() | _ENTRIES)
def test_names_and_addresses_are_unique_for_any_conflict_of_entries(workers, master):
    try:
        targets = parse_targets(json.dumps({"workers": workers, "master": master}))
    except TargetsError:
        return
    assert len({target.node for target in targets}) == len(targets)
    assert len({target.address.lower() for target in targets}) == len(targets)
    assert sum(target.role == "master" for target in targets) == (master is not None)
