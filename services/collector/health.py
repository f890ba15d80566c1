"""Build the health message: how the cluster is, and what is to be done about it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from collector.evaluate import ActiveAlert
from contract.health import overall_status
from contract.messages import Epoch, Firing, Health, Node, Seq, Severity, Timestamp
from contract.runtime.quoted import shown

#: Issues that are told one by one.
ISSUES_LIMIT: Final = 20
#: From bad to harmless.
_SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")
#: The line that makes a node answer, on Debian and its kin.
INSTALL_EXPORTER: Final = "sudo apt-get install -y prometheus-node-exporter"
#: What is said of a node where no exporter listens, or a firewall keeps it from answering.
_MAY_LACK_AN_EXPORTER: Final = ("connection refused", "no answer")


def build_health(
    nodes: Sequence[Node],
    problems: Sequence[str],
    alerts: Iterable[ActiveAlert],
    *,
    targets_path: Path,
    cluster: str,
    epoch: Epoch,
    seq: Seq,
    timestamp: Timestamp,
    remarks: Sequence[str] = (),
) -> Health:
    """Return the health of ``nodes``, of which ``alerts`` are active.

    ``problems`` are those of the collector's own files, told first; ``remarks`` are about nodes that are online, told
    last.
    """
    online = sum(1 for node in nodes if node.status == "online")
    firing = Counter(alert.severity for alert in alerts if alert.state == "firing")
    offline = sorted((node for node in nodes if node.status == "offline"), key=lambda node: node.node)
    return Health(
        cluster=cluster,
        epoch=epoch,
        seq=seq,
        timestamp=timestamp,
        overall_status=overall_status(online=online, offline=len(offline), total=len(nodes)),
        nodes_online=online,
        nodes_total=len(nodes),
        issues=_issues(len(nodes), offline, problems, remarks, targets_path),
        firing=Firing(critical=firing["critical"], warning=firing["warning"], info=firing["info"]),
        worst_firing_severity=next((severity for severity in _SEVERITIES if firing[severity]), None),
    )


def hung_collector_remark(node: str, collector: str) -> str:
    """Say that a node is online, but for one collector of its exporter."""
    cause = " (often a mount whose server is away)" if collector == "filesystem" else ""
    return f"{node} tells nothing of its {collector}: that collector of its exporter hangs{cause}"


def may_lack_an_exporter(why: str) -> bool:
    """Whether a node may be offline because no exporter runs there; with a wrong password, say, one does."""
    return any(text in why for text in _MAY_LACK_AN_EXPORTER)


def _issues(
    total: int, offline: Sequence[Node], problems: Sequence[str], remarks: Sequence[str], targets_path: Path
) -> tuple[str, ...]:
    issues = list(problems)
    if total == 0:
        issues.append(
            f"No targets: list your nodes in {shown(targets_path)}, for instance: workers: [node1.lan, node2.lan]. "
            f"On each of them, install the exporter with: {INSTALL_EXPORTER}"
        )
    elif len(offline) == total and any(may_lack_an_exporter(node.error or "") for node in offline):
        issues.append(
            f"No node answers: install the exporter on each node with: {INSTALL_EXPORTER} "
            f"(targets are in {shown(targets_path)})"
        )
    issues += [f"{node.node} is offline: {node.error}" for node in offline]
    issues += remarks
    if len(issues) > ISSUES_LIMIT:
        more = len(issues) - ISSUES_LIMIT
        issues[ISSUES_LIMIT:] = [f"… and {more} more"]
    return tuple(issues)
