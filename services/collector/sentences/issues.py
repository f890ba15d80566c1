"""Issues in the health of the cluster."""

from typing import Final

from collector.sentences.sentence import megabytes, number, plural, sentence, with_detail, with_line, with_reason
from contract.messages import Coded

#: The main figures that a node may not report.
FIGURES: Final = {"cpu": "CPU", "memory": "memory", "disk": "disk"}


@sentence
def no_targets(path: str, install: str) -> str:
    return (
        f"No targets: list your nodes in {path}, for instance: workers: [node1.lan, node2.lan]. "
        f"On each of them, install the exporter with: {install}"
    )


@sentence
def no_node_answers(path: str, install: str) -> str:
    return f"No node answers: install the exporter on each node with: {install} (targets are in {path})"


@sentence
def redis_disk_full(path: str, free_bytes: int, needed_bytes: int) -> str:
    return (
        f"The disk of {path} is full: {megabytes(free_bytes)} are free, and Redis needs {megabytes(needed_bytes)} "
        "to save its data. If Redis stops now, all changes since its last save are lost"
    )


@sentence
def redis_disk_nearly_full(path: str, free_bytes: int, needed_bytes: int) -> str:
    return (
        f"The disk of {path} is nearly full: {megabytes(free_bytes)} are free, and Redis needs "
        f"{megabytes(needed_bytes)} for each save of its data"
    )


@sentence
def data_cut(cut_bytes: int) -> str:
    them = "it" if cut_bytes == 1 else "them"
    return (
        f"A power cut damaged {plural(cut_bytes, 'byte')} at the end of Redis's data file, and Redis removed {them}. "
        "The log of Redis names the copy of the damaged file. This message stays for a day"
    )


@sentence
def persistence_failing() -> str:
    return (
        "Redis fails to save its data, often because its disk is full. "
        "If Redis stops now, all changes since its last save are lost"
    )


@sentence
def persistence_off() -> str:
    return (
        "Redis does not save its data: saving is switched off, or its disk is full. "
        "If Redis stops now, all changes since its last save are lost"
    )


@sentence
def history_refused() -> str:
    return "Redis has no memory left for history, and history has gaps: raise the maxmemory of Redis"


@sentence
def replica_vanished(count: int) -> str:
    return (
        f"{plural(count, 'ws replica')} disappeared without shutting down (killed, hanging, or cut off from Redis). "
        "This message stays for ten minutes"
    )


@sentence
def rounds_missed(interval_seconds: float) -> str:
    return (
        "The collector misses rounds: the collector or Redis is too slow for an interval of "
        f"{number(interval_seconds)} s"
    )


@sentence
def collector_hangs(node: str, collector: str) -> str:
    text = f"{node} lacks values: the {collector} collector of its exporter hangs"
    return with_detail(
        text, "often because the server of a mount is unreachable" if collector == "filesystem" else None
    )


@sentence
def figures_missing(node: str, figures: str, why: Coded | None) -> str:
    return with_reason(f"{node} is online but does not report {listed(figures)}", why)


@sentence
def exporter_too_old(version: str | None) -> str:
    return f"{with_detail('its exporter is node_exporter older than 0.16', version)}, update it"


@sentence
def exporter_of_other_figures() -> str:
    return "its exporter does not report these values on this system"


@sentence
def issues_left_out(count: int) -> str:
    return f"… and {number(count)} more"


@sentence
def alerts_left_out(count: int) -> str:
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'alert')} {verb} missing from the lists, because the size of a message is limited"


@sentence
def targets_left_out(count: int, limit: int) -> str:
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'discovered target')} {verb} left out: one collector accepts at most {number(limit)}"


@sentence
def discovered_labels_left_out(bytes_taken: int, limit_bytes: int) -> str:
    return (
        f"All labels of the discovered nodes are left out: the labels take {plural(bytes_taken, 'byte')}, "
        f"and a message has room for {number(limit_bytes)}"
    )


@sentence
def no_file_matches(path: str) -> str:
    return f"No file matches {path}"


@sentence
def dns_name_empty(name: str) -> str:
    return f"The DNS name {name} has no address"


@sentence
def dns_name_failed(name: str, former_targets: int, why: Coded | str) -> str:
    # The cause is a text if only the name service's own words are known.
    return with_reason(f"The DNS name {name} cannot be looked up{_stay(former_targets)}", why)


@sentence
def targets_files_unlisted(path: str, error: str) -> str:
    return f"The targets files {path} cannot be listed, the previous files stay in use: {error}"


@sentence
def targets_file_invalid(path: str, former_targets: int, line: int | None, why: Coded) -> str:
    return with_line(with_reason(f"The targets file {path} is not valid{_stay(former_targets)}", why), line)


@sentence
def targets_file_clashes(path: str, former_targets: int, why: Coded) -> str:
    return with_reason(f"The targets file {path} conflicts with the other targets files{_stay(former_targets)}", why)


@sentence
def rules_file_invalid(path: str, line: int | None, why: Coded) -> str:
    return with_line(with_reason(f"The rules file {path} is not valid, the previous rules stay in force", why), line)


def listed(figures: str) -> str:
    """Return the names of figures, separated by spaces, as a sentence has them: ``CPU, memory or disk``."""
    *first, last = [FIGURES[figure] for figure in figures.split(" ")]
    return f"{', '.join(first)} or {last}" if first else last


@sentence
def labels_left_out(source: str, count: int, why: Coded) -> str:
    verb = "is" if count == 1 else "are"
    return with_reason(f"{plural(count, 'label')} in {source} {verb} left out", why)


def _stay(targets: int) -> str:
    """Return the clause that the previous targets of a source stay in use; empty if the source had no targets."""
    if targets == 0:
        return ""
    verb = "stays" if targets == 1 else "stay"
    return f", its {plural(targets, 'previous target')} {verb} in use"
