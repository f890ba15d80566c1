"""What a round is made of: the nodes as they are known now."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collector.alerts.conditions import Observation
from collector.alerts.rules import Rules
from collector.metrics import TARGETS
from collector.node_state import NodeState
from collector.said.issues import collector_hangs, figures_missing
from collector.said.sentence import english
from contract.messages import Coded, Node


@dataclass(frozen=True)
class View:
    """The nodes, for people and for the rules."""

    nodes: Sequence[Node]
    observations: Sequence[Observation]
    rules: Rules
    #: What is wrong with the collector's own files and names.
    problems: Sequence[Coded]
    #: What is to be known of nodes that are online, in the order of their texts.
    remarks: Sequence[Coded] = ()
    #: Whether any of the nodes is a simulated one.
    is_simulated: bool = False


def view_of(states: Iterable[NodeState], rules: Rules, problems: Sequence[Coded]) -> View:
    """Return the view of ``states``, and count them by status."""
    states = list(states)
    nodes = [state.as_node() for state in states]
    counts = Counter(node.status for node in nodes)
    for status in ("online", "offline", "unknown"):
        TARGETS.labels(status).set(counts[status])
    observations = [
        Observation(
            state.target.node,
            state.status if state.is_seen else "unknown",
            state.error,
            state.measures,
            state.target.role,
        )
        for state in states
    ]
    remarks = [remark for state in states if (remark := _remark(state)) is not None]
    is_simulated = any(state.target.is_simulated for state in states)
    return View(nodes, observations, rules, problems, sorted(remarks, key=english), is_simulated)


def _remark(state: NodeState) -> Coded | None:
    """What is to be known of a node that is online."""
    if state.hanging_collector is not None:
        return collector_hangs(state.target.node, state.hanging_collector)
    if not state.missing_figures:
        return None
    return figures_missing(state.target.node, state.missing_figures, state.lack)
