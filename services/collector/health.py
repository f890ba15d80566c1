"""Build the health message: the state of the cluster, and its issues."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from collector.alerts.active_alert import ActiveAlert
from collector.sentences import issues
from collector.sentences.alerts import node_offline
from collector.sentences.failures import connection_refused, no_answer, no_answer_within
from collector.sentences.sentence import english, matches_text
from contract.messages import Coded, Epoch, Firing, Health, Node, Seq, Severity, Timestamp, overall_status
from runtime.quoting import path_text

#: Most issues that a health message lists.
ISSUES_LIMIT: Final = 20
#: Severities, the worst first.
_SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")
#: Command that installs an exporter on Debian and its derivatives.
INSTALL_EXPORTER: Final = "sudo apt-get install -y prometheus-node-exporter"
#: Codes of scrape failures of nodes without a listening exporter, or behind a firewall.
_MAY_LACK_AN_EXPORTER: Final = (connection_refused.code, no_answer.code, no_answer_within.code)


def build_health(
    nodes: Sequence[Node],
    problems: Sequence[Coded],
    alerts: Iterable[ActiveAlert],
    *,
    targets_path: Path,
    cluster: str,
    epoch: Epoch,
    seq: Seq,
    timestamp: Timestamp,
    remarks: Sequence[Coded] = (),
    degraded: Sequence[Coded] = (),
) -> Health:
    """Return the health of ``nodes`` with the active ``alerts``.

    Issues are in this order: ``degraded``, the degradations of the product; ``problems`` with the collector's files;
    offline nodes; ``remarks`` on online nodes.
    """
    online = sum(1 for node in nodes if node.status == "online")
    firing = Counter(alert.severity for alert in alerts if alert.state == "firing")
    offline = sorted((node for node in nodes if node.status == "offline"), key=lambda node: node.node)
    found = _issues(len(nodes), offline, [*degraded, *problems], remarks, targets_path)
    return Health(
        cluster=cluster,
        epoch=epoch,
        seq=seq,
        timestamp=timestamp,
        overall_status=overall_status(online=online, offline=len(offline), total=len(nodes)),
        nodes_online=online,
        nodes_total=len(nodes),
        issues=tuple(map(english, found)),
        firing=Firing(critical=firing["critical"], warning=firing["warning"], info=firing["info"]),
        worst_firing_severity=next((severity for severity in _SEVERITIES if firing[severity]), None),
        issues_coded=tuple(found),
        degraded=tuple(each.code for each in degraded),
    )


def may_lack_an_exporter(why: Coded | str | None) -> bool:
    """Whether the failure ``why`` may mean that no exporter runs on the node."""
    return isinstance(why, Coded) and why.code in _MAY_LACK_AN_EXPORTER


def _issues(
    total: int, offline: Sequence[Node], problems: Sequence[Coded], remarks: Sequence[Coded], targets_path: Path
) -> list[Coded]:
    found = list(problems)
    if total == 0:
        found.append(issues.no_targets(path_text(targets_path), INSTALL_EXPORTER))
    elif len(offline) == total and any(may_lack_an_exporter(_error(node)) for node in offline):
        found.append(issues.no_node_answers(path_text(targets_path), INSTALL_EXPORTER))
    found += [node_offline(node.node, _error(node)) for node in offline]
    found += remarks
    if len(found) > ISSUES_LIMIT:
        found[ISSUES_LIMIT:] = [issues.issues_left_out(len(found) - ISSUES_LIMIT)]
    return found


def _error(node: Node) -> Coded | str | None:
    """Return why a node is offline: a message code, or a text if another release wrote a code unknown here."""
    coded, text = node.error_coded, node.error
    return coded if coded is not None and text is not None and matches_text(coded, text) else text
