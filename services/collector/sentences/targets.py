"""Errors of targets files.

``where`` is the position in the file, with numbers from 1: ``workers/3``, ``master``, ``group/2/target/5``.
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
def two_names(address: str, first: str, second: str) -> str:
    return f"{address} has two names: '{first}' and '{second}'"


@sentence
def two_ways(address: str) -> str:
    return f"{address} is listed twice with different fields (scheme, files or others)"


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
    return f"it has neither workers nor master, but {key}"


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


# Hosts and ports


@sentence
def host_is_a_list(where: str, value: str) -> str:
    return f'{position_name(where)}: {value} is a list (an IPv6 address needs quotes, as in "[fd00::6]:9100")'


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
        case ["group", group, "target", target]:
            return f"group {group}, target {target}"
        case ["group", group, "label", label]:
            return f"group {group}, label {label}"
    return where
