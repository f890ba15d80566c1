"""Errors of targets files.

``where`` is the position in the file, with numbers from 1: ``workers/3``, ``master``, ``group/2/entry/3``,
``group/2/master``, and in a Prometheus file ``group/2/target/5``.
``value`` is an excerpt of the file.
"""

from typing import Final

from collector.sentences.sentence import number, plural, sentence

#: What to write instead of fields of Prometheus's configuration, and of ``port``.
INSTEAD: Final = {
    "tls_config": "ca_file, server_name or insecure beside host",
    "insecure_skip_verify": "insecure",
    "basic_auth": "username and password_file beside host",
    "authorization": "bearer_token_file beside host",
    "credentials_file": "bearer_token_file",
    "port": "host: node1.lan:9200",
}

# All files together


@sentence
def too_many_targets(count: int, limit: int) -> str:
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'target')} {verb} listed, and one collector accepts only {number(limit)}"


@sentence
def names_too_long(bytes_taken: int, limit_bytes: int) -> str:
    return f"names and addresses take {plural(bytes_taken, 'byte')}, and a message has room for {number(limit_bytes)}"


@sentence
def names_and_labels_too_long(names_bytes: int, labels_bytes: int, limit_bytes: int) -> str:
    return (
        f"names and addresses take {plural(names_bytes, 'byte')} and labels {plural(labels_bytes, 'byte')}, "
        f"and a message has room for {number(limit_bytes)}"
    )


@sentence
def two_names(address: str, first: str, second: str) -> str:
    return f"{address} has two names: '{first}' and '{second}'"


@sentence
def two_ways(address: str) -> str:
    return f"{address} is listed twice with different fields (scheme, files or others)"


@sentence
def two_label_values(address: str, label: str, first: str, second: str) -> str:
    return f"{address} has two values of the label {label}: '{first}' and '{second}'"


@sentence
def name_given_twice(name: str, count: int) -> str:
    return f"the name '{name}' is given to {plural(count, 'node')}"


@sentence
def no_name_left(address: str, name: str) -> str:
    return f"{address} needs a name: its default name '{name}' is given to another node"


@sentence
def no_nodes_any_more() -> str:
    return "it no longer lists any nodes; to remove all nodes, write workers: []"


# Whole files: nodes.yaml and Prometheus files


@sentence
def nodes_not_a_mapping() -> str:
    return "it must have the form workers: [host, host:port, …] and master: host"


@sentence
def workers_not_a_list() -> str:
    return "workers must be a list, for instance: workers: [node1.lan, node2.lan]"


@sentence
def simulated_not_a_flag(value: str) -> str:
    return f"simulated must be true or false, not {value}"


@sentence
def key_misspelt(key: str, meant: str) -> str:
    return f"{key} is not a key of this file (did you mean {meant}?)"


@sentence
def keys_unknown(key: str) -> str:
    return f"it has neither workers nor master nor groups, but {key}"


@sentence
def groups_not_a_list() -> str:
    return 'groups must be a list, for instance: groups: [{labels: {rack: "07"}, workers: [node1.lan, node2.lan]}]'


@sentence
def node_group_not_a_mapping(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} must have workers or master, and may have labels"


@sentence
def node_group_keys_wrong(where: str, keys: str) -> str:
    return f"{position_name(where)}: it has {keys or 'no keys'}; it must have workers or master, and may have labels"


@sentence
def group_keys_wrong(where: str, keys: str) -> str:
    return (
        f"{position_name(where)}: it has {keys or 'no keys'}; it must have targets: [host:port, …], and may have labels"
    )


@sentence
def group_not_a_mapping(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} must have targets: [host:port, …], and may have labels"


# Entries


@sentence
def entry_field_unknown(where: str, field: str, known: str) -> str:
    return f"{position_name(where)}: {field} is not a field of an entry; its fields are {known}"


@sentence
def entry_field_misspelt(where: str, field: str, meant: str) -> str:
    return f"{position_name(where)}: {field} is not a field of an entry (did you mean {meant}?)"


@sentence
def entry_field_of_others(where: str, field: str) -> str:
    return f"{position_name(where)}: '{field}' is not a field of an entry (write {INSTEAD[field]})"


@sentence
def entry_without_host(where: str) -> str:
    return f"{position_name(where)}: host is missing (write host or host:port)"


@sentence
def entry_name_invalid(where: str, value: str, limit: int) -> str:
    return f"{position_name(where)}: name {value} must be a text of up to {plural(limit, 'printable character')}"


@sentence
def entry_local_with_http(where: str) -> str:
    return (
        f"{position_name(where)}: local is this machine, which the collector reads without HTTP; "
        "write its host:port instead"
    )


# Ranges of hosts: ``node[01-16,20].lan``


@sentence
def range_invalid(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} has no valid range; a range is written as in node[01-16,20].lan"


@sentence
def range_not_closed(where: str, value: str) -> str:
    return f"{position_name(where)}: the bracket of the range in {value} is not closed; write a ] after the numbers"


@sentence
def range_reversed(where: str, numbers: str) -> str:
    return f"{position_name(where)}: the range {numbers} ends before its beginning"


@sentence
def range_of_two_lengths(where: str, numbers: str) -> str:
    return (
        f"{position_name(where)}: with leading zeros, both numbers of the range {numbers} must have the same number "
        "of digits, as in 001-100"
    )


@sentence
def ranges_too_many(where: str, limit: int) -> str:
    return f"{position_name(where)}: a host has more than {plural(limit, 'range')}"


@sentence
def range_too_long(where: str, limit: int) -> str:
    return f"{position_name(where)}: the ranges of this file list more than {plural(limit, 'host')}"


@sentence
def range_with_name(where: str) -> str:
    return f"{position_name(where)}: a name is the name of one node, and its host has a range"


# Labels. ``label`` is a name; the errors do not contain values.


#: What YAML makes of a value without quotes.
VALUE_KINDS: Final = {
    "empty": "empty",
    "flag": "true or false",
    "number": "a number",
    "date": "a date",
    "list": "a list",
    "mapping": "a mapping",
}


@sentence
def labels_not_a_mapping(where: str) -> str:
    return f'{position_name(where)}: labels must be names with values, for instance: labels: {{rack: "07"}}'


@sentence
def label_name_invalid(where: str, name: str) -> str:
    return (
        f"{position_name(where)}: {name} is not the name of a label: letters from a to z, digits and _, "
        "and no digit at the beginning"
    )


@sentence
def label_reserved(where: str, label: str) -> str:
    return f"{position_name(where)}: the label {label} begins with __, which Prometheus keeps for itself"


@sentence
def label_not_a_text(where: str, label: str, kind: str) -> str:
    return (
        f"{position_name(where)}: the value of the label {label} is {VALUE_KINDS[kind]} and must be a text: "
        f'quote it, as in {label}: "07"'
    )


@sentence
def label_not_printable(where: str, label: str) -> str:
    return f"{position_name(where)}: the value of the label {label} has characters that are not printable"


@sentence
def labels_too_long(where: str, bytes_taken: int, limit_bytes: int) -> str:
    return (
        f"{position_name(where)}: names and values of the labels take {plural(bytes_taken, 'byte')}, "
        f"and a node has room for {number(limit_bytes)}"
    )


@sentence
def label_without_room(where: str, label: str, limit_bytes: int) -> str:
    return (
        f"{position_name(where)}: the label {label} has no room: names and values of all labels of a node "
        f"take at most {plural(limit_bytes, 'byte')}"
    )


# Hosts and ports


@sentence
def host_is_a_list(where: str, value: str) -> str:
    return (
        f'{position_name(where)}: {value} is a list (an IPv6 address or a range needs quotes, as in "[fd00::6]:9100")'
    )


@sentence
def host_is_a_mapping(where: str) -> str:
    return f"{position_name(where)}: it has fields where a host is expected"


@sentence
def host_not_a_text(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} is not a host (a text made of digits needs quotes)"


@sentence
def host_is_a_url(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} is a URL; write host or host:port"


@sentence
def host_is_an_https_url(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} is a URL; write {{host: host:port, scheme: https}}"


@sentence
def host_not_ipv6(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} is not an IPv6 address in brackets, as in [fd00::6]:9100"


@sentence
def host_invalid(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} is not a host or host:port"


@sentence
def port_invalid(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} has no valid port (1 to 65535)"


@sentence
def host_not_ipv4(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} is not an IPv4 address (four numbers from 0 to 255, as in 192.168.1.20)"


@sentence
def host_of_no_machine(where: str, value: str) -> str:
    return f"{position_name(where)}: {value} is not the address of a single machine"


@sentence
def host_without_interface(where: str, host: str) -> str:
    return f"{position_name(where)}: '{host}' needs the interface of this machine that reaches it, as in {host}%eth0"


# HTTP options. ``option`` is a field of the entry.


@sentence
def option_not_a_scheme(where: str, option: str, value: str) -> str:
    return f"{position_name(where)}: {option} must be http or https, not {value}"


@sentence
def option_not_a_flag(where: str, option: str) -> str:
    return f"{position_name(where)}: {option} must be true or false"


@sentence
def option_not_a_text(where: str, option: str, limit: int) -> str:
    return f"{position_name(where)}: {option} must be a text of up to {plural(limit, 'printable character')}"


@sentence
def option_with_colon(where: str, option: str) -> str:
    return f"{position_name(where)}: {option} must not contain a colon"


@sentence
def option_not_a_host(where: str, option: str) -> str:
    return f"{position_name(where)}: {option} must be the name of a host"


@sentence
def option_not_a_path(where: str, option: str) -> str:
    return f"{position_name(where)}: {option} must be the path of a file"


@sentence
def option_leaves_folder(where: str, option: str) -> str:
    return f"{position_name(where)}: {option} must not contain .., which leaves COLLECTOR_CREDENTIALS_DIR"


@sentence
def option_needs_https(where: str, option: str) -> str:
    return f"{position_name(where)}: {option} needs scheme: https"


@sentence
def username_and_password_file(where: str) -> str:
    return f"{position_name(where)}: set username and password_file together, or neither"


@sentence
def password_or_token(where: str) -> str:
    return f"{position_name(where)}: set password_file or bearer_token_file, not both"


@sentence
def credentials_to_anybody(where: str) -> str:
    return (
        f"{position_name(where)}: insecure: true would send the credentials to any machine that answers; "
        "set ca_file instead"
    )


@sentence
def credentials_in_the_clear(where: str) -> str:
    return (
        f"{position_name(where)}: anybody on the network can read credentials over plain HTTP; "
        "set scheme: https, or credentials_over_http: true to accept this"
    )


@sentence
def credentials_over_http_idle(where: str) -> str:
    return f"{position_name(where)}: credentials_over_http needs scheme: http and credentials"


def position_name(where: str) -> str:
    """Return the name of a position: ``workers, entry 3`` for ``workers/3``."""
    match where.split("/"):
        case ["workers", entry]:
            return f"workers, entry {entry}"
        case ["group", group]:
            return f"group {group}"
        case ["group", group, "entry", entry]:
            return f"group {group}, entry {entry}"
        case ["group", group, "master"]:
            return f"group {group}, master"
        case ["group", group, "target", target]:
            return f"group {group}, target {target}"
        case ["group", group, "label", label]:
            return f"group {group}, label {label}"
    return where
