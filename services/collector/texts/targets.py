"""Why targets files cannot be followed.

``where`` is the part of the file, its numbers from 1: ``workers/3``, ``master``, ``group/2/target/5``. ``value`` is as
the file writes it.
"""

from typing import Final

from collector.sentences.sentence import number, plural, sentence

#: What takes the place of fields that Prometheus's own configuration has, and of one that many expect.
INSTEAD: Final = {
    "tls_config": "ca_file, server_name or insecure beside host",
    "insecure_skip_verify": "insecure",
    "basic_auth": "username and password_file beside host",
    "authorization": "bearer_token_file beside host",
    "credentials_file": "bearer_token_file",
    "port": "host: host:port",
}

# All together


@sentence
def too_many_targets(count: int, limit: int) -> str:
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'target')} {verb} more than the {number(limit)} that one collector takes"


@sentence
def names_too_long(bytes_taken: int, limit_bytes: int) -> str:
    return f"names and addresses take {plural(bytes_taken, 'byte')}, more than the {number(limit_bytes)} of a message"


@sentence
def two_names(address: str, first: str, second: str) -> str:
    return f"{address} has two names: '{first}' and '{second}'"


@sentence
def two_ways(address: str) -> str:
    return f"{address} is to be asked in two ways: scheme, files or other fields differ"


@sentence
def name_given_twice(name: str, count: int) -> str:
    return f"the name '{name}' is given to {plural(count, 'node')}"


@sentence
def no_name_left(address: str, name: str) -> str:
    return f"{address} has no name left: '{name}' is given to another node"


@sentence
def no_nodes_any_more() -> str:
    return "it lists no nodes any more; if that is meant, write workers: []"


# nodes.yaml and Prometheus's files as a whole


@sentence
def nodes_not_a_mapping() -> str:
    return "it must say workers: [host, host:port, …] and master: host"


@sentence
def workers_not_a_list() -> str:
    return "workers must be a list, for instance: workers: [node1.lan, node2.lan]"


@sentence
def simulated_not_a_flag(value: str) -> str:
    return f"simulated is true or false, not {value}"


@sentence
def key_misspelt(key: str, meant: str) -> str:
    return f"{key} is none of its keys (did you mean {meant}?)"


@sentence
def keys_unknown(key: str) -> str:
    return f"it has neither workers nor master, but {key}"


@sentence
def group_keys_wrong(where: str, keys: str) -> str:
    return f"{part(where)}: it has {keys or 'no keys'}, and must say targets: [host:port, …], and labels at most"


@sentence
def group_not_a_mapping(where: str, value: str) -> str:
    return f"{part(where)}: {value} must say targets: [host:port, …], and labels at most"


# Entries


@sentence
def entry_field_unknown(where: str, field: str, known: str) -> str:
    return f"{part(where)}: {field} is none of its fields, which are {known}"


@sentence
def entry_field_misspelt(where: str, field: str, meant: str) -> str:
    return f"{part(where)}: {field} is none of its fields (did you mean {meant}?)"


@sentence
def entry_field_of_others(where: str, field: str) -> str:
    return f"{part(where)}: '{field}' is none of its fields (write {INSTEAD[field]})"


@sentence
def entry_without_host(where: str) -> str:
    return f"{part(where)}: host is missing (which may be host:port)"


@sentence
def entry_name_invalid(where: str, value: str, limit: int) -> str:
    return f"{part(where)}: name {value} is not a text of up to {plural(limit, 'printable character')}"


@sentence
def entry_local_with_http(where: str) -> str:
    return f"{part(where)}: local is this machine, which is read without HTTP; write its host:port instead"


# Hosts and ports


@sentence
def host_is_a_list(where: str, value: str) -> str:
    return f'{part(where)}: {value} is a list (an IPv6 address needs quotes, as in "[fd00::6]:9100")'


@sentence
def host_is_a_mapping(where: str) -> str:
    return f"{part(where)}: it has fields where a host is to be"


@sentence
def host_not_a_text(where: str, value: str) -> str:
    return f"{part(where)}: {value} is not a host (a text made of digits needs quotes)"


@sentence
def host_is_a_url(where: str, value: str) -> str:
    return f"{part(where)}: {value} is a URL, write host or host:port"


@sentence
def host_is_an_https_url(where: str, value: str) -> str:
    return f"{part(where)}: {value} is a URL, write {{host: host:port, scheme: https}}"


@sentence
def host_not_ipv6(where: str, value: str) -> str:
    return f"{part(where)}: {value} is not an IPv6 address in brackets, as in [fd00::6]:9100"


@sentence
def host_invalid(where: str, value: str) -> str:
    return f"{part(where)}: {value} is not a host or host:port"


@sentence
def port_invalid(where: str, value: str) -> str:
    return f"{part(where)}: {value} has no valid port (1 to 65535)"


@sentence
def host_not_ipv4(where: str, value: str) -> str:
    return f"{part(where)}: {value} is not an IPv4 address, which is four numbers from 0 to 255, as in 192.168.1.20"


@sentence
def host_of_no_machine(where: str, value: str) -> str:
    return f"{part(where)}: {value} is not the address of one machine"


@sentence
def host_without_interface(where: str, host: str) -> str:
    return f"{part(where)}: '{host}' needs the interface that leads there, as in {host}%eth0"


# How the exporter is asked. ``option`` is a field of the entry.


@sentence
def option_not_a_scheme(where: str, option: str, value: str) -> str:
    return f"{part(where)}: {option} is http or https, not {value}"


@sentence
def option_not_a_flag(where: str, option: str) -> str:
    return f"{part(where)}: {option} is true or false"


@sentence
def option_not_a_text(where: str, option: str, limit: int) -> str:
    return f"{part(where)}: {option} is not a text of up to {plural(limit, 'printable character')}"


@sentence
def option_with_colon(where: str, option: str) -> str:
    return f"{part(where)}: {option} must not contain a colon"


@sentence
def option_not_a_host(where: str, option: str) -> str:
    return f"{part(where)}: {option} is not the name of a host"


@sentence
def option_not_a_path(where: str, option: str) -> str:
    return f"{part(where)}: {option} is not the path of a file"


@sentence
def option_leaves_folder(where: str, option: str) -> str:
    return f"{part(where)}: {option} must not leave COLLECTOR_CREDENTIALS_DIR by .."


@sentence
def option_needs_https(where: str, option: str) -> str:
    return f"{part(where)}: {option} needs scheme: https"


@sentence
def username_and_password_file(where: str) -> str:
    return f"{part(where)}: username and password_file go together"


@sentence
def password_or_token(where: str) -> str:
    return f"{part(where)}: password_file and bearer_token_file exclude each other"


@sentence
def credentials_to_anybody(where: str) -> str:
    return (
        f"{part(where)}: insecure: true sends credentials to whoever answers, so the two exclude each other; "
        "set ca_file instead"
    )


@sentence
def credentials_in_the_clear(where: str) -> str:
    return (
        f"{part(where)}: credentials over plain HTTP can be read on the way; "
        "set scheme: https, or credentials_over_http: true if that is meant"
    )


@sentence
def credentials_over_http_idle(where: str) -> str:
    return f"{part(where)}: credentials_over_http needs scheme: http and credentials"


def part(where: str) -> str:
    """Return the name of a part: ``workers, entry 3`` for ``workers/3``."""
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
