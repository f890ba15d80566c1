"""Check the rules file, and print what its rules would do: ``python -m collector.check_rules check [alerts.yaml]``."""

import argparse
import asyncio
import math
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from collector.alerts.active_alert import ActiveAlert, CurrentTime
from collector.alerts.applied import group_labels, group_name
from collector.alerts.conditions import ObservedNode
from collector.alerts.evaluate import evaluate
from collector.alerts.message import decode_previous
from collector.alerts.rule import Rule, Rules
from collector.alerts.rules import built_in_rules
from collector.alerts.rules_syntax import ERRORS_LIMIT, read_rules
from collector.config import Config, split_paths
from collector.measures import Measures
from collector.redis_client import RedisClient
from collector.sentences.files import file_missing
from collector.sentences.own_rules import METRICS
from collector.sentences.sentence import english, plural, with_detail
from collector.targets.dns import DnsTargets
from collector.targets.files import TargetsFiles
from collector.targets.sources import TargetSources
from collector.yaml_file import WatchedFile
from contract.matchers import LABEL_PREFIX, Identity, Matcher
from contract.messages import Snapshot
from runtime.clock import unix_seconds
from runtime.redis_failures import RedisFailure
from runtime.settings import SettingError

#: Names of nodes that a line shows.
NAMES_SHOWN: Final = 10
#: Built-in rules whose values a snapshot has.
IN_SNAPSHOT: Final = ("node_down", "memory", "temperature", "cpu", "swap", "pressure")


class Seen(NamedTuple):
    """The nodes to which the rules are applied."""

    nodes: Sequence[ObservedNode]
    #: Unix time of the snapshot; ``None`` if there is no snapshot, and the values are unknown.
    at: float | None
    #: Where the nodes are from.
    source: str


def main(
    arguments: Sequence[str] | None = None,
    program: str = "check_rules",
    variables: Mapping[str, str] | None = None,
    default_targets: Path | None = None,
    not_running_reason: str = "",
) -> int:
    """Check the rules file; return 0 if it is valid, 1 if it has errors, 2 for invalid settings or a missing file.

    ``default_targets``: the targets file without ``--targets``, ``None`` for the file of the settings.
    ``not_running_reason``: why Redis cannot answer; empty if it can.
    """
    parser = argparse.ArgumentParser(prog=program, description="Check the alert rules and print what they would do.")
    parser.add_argument("action", choices=("check",))
    parser.add_argument("file", nargs="?", type=Path, help="rules file (default: COLLECTOR_RULES)")
    parser.add_argument(
        "--targets", type=split_paths, metavar="PATH,…", help="targets files that count if there is no live data"
    )
    options = parser.parse_args(arguments)
    try:
        config = Config.from_environment(os.environ if variables is None else variables)
    except SettingError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 2
    path: Path | None = options.file or config.rules_path
    rules: Rules = built_in_rules()
    if path is None:
        _show("COLLECTOR_RULES is not set: the built-in rules are in force.")
    else:
        content = WatchedFile(path).read()
        if content.text is None:
            sys.stderr.write(f"{path}: {english(content.error or file_missing())}\n")
            return 2
        rules, errors = read_rules(content.text, built_in_rules())
        if errors:
            sys.stderr.write("".join(f"{path}: {error}\n" for error in errors))
            if len(errors) == ERRORS_LIMIT:
                sys.stderr.write(f"{path}: the file may have further errors\n")
            return 1
        _show(f"{path}: valid, {plural(len(rules) - len(built_in_rules()), 'rule')} of your own")
    targets = options.targets or (config.targets_paths if default_targets is None else (default_targets,))
    seen = not_running_reason or asyncio.run(_live(config.redis_url))
    if isinstance(seen, str):
        nodes = targets_nodes(targets, config.local_name)
        seen = Seen(nodes, None, f"No live data ({seen}). The nodes are those of the targets files")
    _show(f"{seen.source}: {plural(len(seen.nodes), 'node')}")
    for line in described(rules, seen):
        _show(line)
    for rule in rules.values():
        for line in unmatched(rule, seen.nodes):
            _show(line)
    return 0


async def _live(redis_url: str) -> Seen | str:
    """Return the nodes of the newest snapshot in Redis, or why there is no snapshot."""
    redis = RedisClient(redis_url)
    try:
        snapshot = decode_previous((await redis.read_previous_state()).metrics, Snapshot)
    except RedisFailure as error:
        return f"Redis: {error}"
    finally:
        await redis.close()
    if snapshot is None:
        return "Redis has no snapshot"
    nodes = [
        ObservedNode(
            node.node,
            node.status,
            node.error_coded,
            Measures(**{metric: getattr(node, metric) for metric in METRICS}) if node.status == "online" else None,
            node.role,
            node.address,
            node.labels,
        )
        for node in snapshot.nodes
    ]
    return Seen(nodes, unix_seconds(snapshot.timestamp), f"Live data of {snapshot.timestamp}")


def targets_nodes(paths: Sequence[Path], local_name: str | None) -> list[ObservedNode]:
    """Return the nodes that the files list, with unknown values."""
    files = TargetsFiles(paths, local_name)
    sys.stderr.write("".join(f"{english(problem)}\n" for problem in files.problems))
    return [
        ObservedNode(target.node, "unknown", None, None, target.role, target.address, target.labels)
        for target in TargetSources(files, DnsTargets((), math.inf)).targets
    ]


def described(rules: Rules, seen: Seen) -> list[str]:
    """Return one line for each rule: to how many nodes the rule applies, and where its condition holds now."""
    now = CurrentTime(0.0, seen.at or 0.0)
    alerts, _ = evaluate({}, rules, seen.nodes, now)
    found: dict[str, list[ActiveAlert]] = {}
    for alert in alerts.values():
        found.setdefault(alert.rule, []).append(alert)
    return [
        f"{name}: {_scope(rule, seen.nodes)}{_now(rule, found.get(name, []), seen)}" for name, rule in rules.items()
    ]


def _scope(rule: Rule, nodes: Sequence[ObservedNode]) -> str:
    if not rule.enabled:
        return "switched off"
    identities = [Identity(node=each.node, address=each.address, role=each.role, labels=each.labels) for each in nodes]
    applied = [identity for identity in identities if rule.match.matches(identity)]
    if rule.by is not None:
        groups = Counter(group_name(rule.by, each.labels[rule.by]) for each in applied if each.labels.get(rule.by))
        scope = f"applies to {plural(len(groups), 'group')} with {plural(groups.total(), 'node')}"
        applied = [Identity(labels=group_labels(name)) for name in groups]
    else:
        scope = f"applies to {len(applied)} of {plural(len(nodes), 'node')}"
    subject = "node" if rule.by is None else "group"
    counts = Counter(rule.override_of(identity) for identity in applied)
    overrides = [f"override {number + 1}: {plural(counts[number], subject)}" for number in range(len(rule.overrides))]
    return f"{scope} ({', '.join(overrides)})" if overrides else scope


def unmatched(rule: Rule, nodes: Sequence[ObservedNode]) -> list[str]:
    """Return one line for each part of the rule that no node matches, with the reason: likely a misspelling."""
    if not rule.enabled or not nodes:
        return []
    identities = [Identity(node=each.node, address=each.address, role=each.role, labels=each.labels) for each in nodes]
    lines = _unmatched(rule.name, rule.match, identities, "node")
    if lines:
        return lines
    if rule.by is not None:
        names = {each.labels.get(rule.by) for each in identities if rule.match.matches(each)} - {None, ""}
        if not names:
            return [f"{rule.name}: by: no node of the rule has the label {rule.by}"]
        identities = [Identity(labels=group_labels(group_name(rule.by, name))) for name in names if name]
    subject = "node" if rule.by is None else "group"
    return [
        line
        for number, override in enumerate(rule.overrides, 1)
        for line in _unmatched(f"{rule.name}: override {number}", override.match, identities, subject)
    ]


def _unmatched(start: str, match: Matcher, identities: Sequence[Identity], subject: str) -> list[str]:
    if any(map(match.matches, identities)):
        return []
    why = f"no {subject} has all of these values"
    for key, texts in match.to_patterns().items():
        if any(map(Matcher({key: texts}).matches, identities)):
            continue
        has_key = any(map(Matcher({key: ("*",)}).matches, identities))
        label = key.removeprefix(LABEL_PREFIX)
        why = f"no {subject} has {key}: {', '.join(texts)}" if has_key else f"no {subject} has the label {label}"
        break
    return [f"{start}: matches no {subject}: {why}"]


def _now(rule: Rule, alerts: Sequence[ActiveAlert], seen: Seen) -> str:
    if not rule.enabled or seen.at is None:
        return ""
    if rule.metric is None and (rule.name not in IN_SNAPSHOT or rule.ignore_sensors):
        return "; the snapshot does not have its values"
    if not alerts:
        return "; would not fire now"
    names = sorted(with_detail(alert.about, alert.detail if alert.node and alert.detail else None) for alert in alerts)
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"; would fire now: {', '.join(names[:NAMES_SHOWN])}{more}"


def _show(line: str) -> None:
    print(line)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
