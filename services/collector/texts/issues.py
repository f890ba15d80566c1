"""Issues of the cluster's health: what is to be done about it, and what is to be known of it."""

from typing import Final

from collector.sentences.sentence import aside, at_line, megabytes, number, plural, reason, sentence
from contract.messages import Coded

#: What of the main figures a node may not tell.
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
        "to save its data. What it holds since its last save is lost when it ends"
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
        f"Redis found {plural(cut_bytes, 'byte')} at the end of its file that a power cut had spoilt, and cut {them} "
        "off. Its log says where the file as it was is kept. This is told for a day"
    )


@sentence
def persistence_failing() -> str:
    return (
        "Redis fails to save its data, often because its disk is full. What it holds since its last save is lost "
        "when it ends"
    )


@sentence
def persistence_off() -> str:
    return (
        "Redis does not save its data: saving was switched off, or its disk is full. What it holds since its last save "
        "is lost when it ends"
    )


@sentence
def history_refused() -> str:
    return "Redis has no memory left for history, which has gaps until there is some: raise its maxmemory"


@sentence
def replica_vanished(count: int) -> str:
    verb = "is" if count == 1 else "are"
    return (
        f"{plural(count, 'push replica')} {verb} gone without having ended (killed, hanging, or cut off from Redis). "
        "This is told for ten minutes"
    )


@sentence
def rounds_missed(interval_seconds: float) -> str:
    return f"The collector misses rounds: it, or Redis, is too slow for an interval of {number(interval_seconds)} s"


@sentence
def collector_hangs(node: str, collector: str) -> str:
    text = f"{node} tells nothing of its {collector}: that collector of its exporter hangs"
    return aside(text, "often a mount whose server is away" if collector == "filesystem" else None)


@sentence
def figures_missing(node: str, figures: str, why: Coded | None) -> str:
    # The figures are words with spaces between them.
    return reason(f"{node} is online but tells no {listed(figures)}", why)


@sentence
def exporter_too_old(version: str | None) -> str:
    return f"{aside('it is node_exporter before 0.16', version)}, update it"


@sentence
def exporter_of_other_figures() -> str:
    return "its exporter gives no figures of this system"


@sentence
def issues_left_out(count: int) -> str:
    return f"… and {number(count)} more"


@sentence
def alerts_left_out(count: int) -> str:
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'alert')} {verb} left out of the lists: a message has no room for more"


@sentence
def targets_left_out(count: int, limit: int) -> str:
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'discovered target')} {verb} left out: one collector takes {plural(limit, 'target')}"


@sentence
def no_file_matches(path: str) -> str:
    return f"No file matches {path}"


@sentence
def dns_name_empty(name: str) -> str:
    return f"The DNS name {name} has no address"


@sentence
def dns_name_failed(name: str, former_targets: int, why: Coded | str) -> str:
    # The cause is a text where the name service's own words are all there is.
    stay = f", its former {_stay(former_targets)}" if former_targets else ""
    return reason(f"The DNS name {name} cannot be looked up{stay}", why)


@sentence
def targets_files_unlisted(path: str, error: str) -> str:
    return f"The targets files {path} cannot be looked for, the former ones stay: {error}"


@sentence
def targets_file_invalid(path: str, former_targets: int, line: int | None, why: Coded) -> str:
    stay = f", the former {_stay(former_targets)}" if former_targets else ""
    return at_line(reason(f"The targets file {path} is not valid{stay}", why), line)


@sentence
def targets_file_clashes(path: str, former_targets: int, why: Coded) -> str:
    stay = f", the former {_stay(former_targets)}" if former_targets else ""
    return reason(f"The targets file {path} does not go together with the others{stay}", why)


@sentence
def rules_file_invalid(path: str, line: int | None, why: Coded) -> str:
    return at_line(reason(f"The rules file {path} is not valid, the former rules stay", why), line)


def listed(figures: str) -> str:
    """Return figures, words with spaces between them, as a sentence names them: ``CPU, memory or disk``."""
    *first, last = [FIGURES[figure] for figure in figures.split(" ")]
    return f"{', '.join(first)} or {last}" if first else last


def _stay(targets: int) -> str:
    return f"{plural(targets, 'target')} {'stays' if targets == 1 else 'stay'}"
