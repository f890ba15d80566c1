"""The nodes of the cluster: their targets, names and states."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from collector.alerts.conditions import ObservedNode
from collector.alerts.message import decode_previous
from collector.alerts.rule import Rules
from collector.alerts.rules import RulesFile
from collector.metrics import TARGETS
from collector.node_state import NodeState
from collector.scrape_manager import ScrapeManager
from collector.sentences.issues import collector_hangs, figures_missing
from collector.sentences.sentence import english
from collector.targets.sources import TargetSources
from collector.targets.target import Target
from contract.events import NODE_NAME_LIMIT
from contract.messages import Coded, Node, Snapshot


@dataclass(frozen=True)
class ClusterState:
    """The input of a round: the present nodes, for messages and for the alert rules."""

    nodes: Sequence[Node]
    observations: Sequence[ObservedNode]
    rules: Rules
    #: Problems with the collector's files and with node names.
    problems: Sequence[Coded]
    #: Remarks on nodes that are online, sorted by their English texts.
    remarks: Sequence[Coded] = ()
    #: Whether any of the nodes is simulated.
    is_simulated: bool = False


class Fleet:
    """Lets ``scrape_manager`` follow the targets of ``sources``."""

    def __init__(self, scrape_manager: ScrapeManager, sources: TargetSources) -> None:
        self._scrape_manager = scrape_manager
        self._sources = sources
        self._names = NodeNames()

    @property
    def path(self) -> Path:
        """Absolute path of the file in which users list nodes."""
        return self._sources.path

    async def start(self, stop: asyncio.Event) -> None:
        """Wait for the first results of DNS and HTTP servers, or for ``stop``: the first round then has their targets.

        This takes a few seconds at most.
        """
        waits = [asyncio.create_task(self._sources.first_answers_done()), asyncio.create_task(stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        self._follow(self._sources.combine())

    async def refresh(self) -> None:
        """Read the targets again."""
        self._follow(await self._sources.refresh())

    def restore(self, raw: bytes | None) -> None:
        """Continue from ``raw``, the previous collector's last metrics message: its nodes, names and statuses."""
        nodes = previous_nodes(raw)
        if nodes:
            self._follow(self._sources.keep_addresses(nodes, {address: node.labels for address, node in nodes.items()}))
            self._names.restore({address: node.node for address, node in nodes.items()})
            restore_nodes(nodes, self._scrape_manager.states.values())

    def state(self, rules: RulesFile) -> ClusterState:
        """Return the input of the next round."""
        states = self._scrape_manager.states.values()
        self._names.assign(states)
        problems = self._sources.problems
        if rules.problem is not None:
            problems.append(rules.problem)
        return cluster_state(states, rules.rules, problems)

    def _follow(self, is_changed: bool) -> None:
        if is_changed:
            self._scrape_manager.follow(self._sources.targets)


class NodeNames:
    """Gives each address a unique name. A name stays while its target exists and reports the same host name."""

    def __init__(self) -> None:
        #: The name of each address in the previous round.
        self._names: dict[str, str] = {}

    def restore(self, names: Mapping[str, str]) -> None:
        """Replace all names with the previous collector's names, by address."""
        self._names = dict(names)

    def assign(self, states: Iterable[NodeState]) -> None:
        """Name the discovered targets of ``states``; listed targets keep their names."""
        states = list(states)
        listed = {state.target.node for state in states if not state.target.is_discovered}
        names: dict[str, str] = {}
        assigned = set(listed)
        unnamed: list[NodeState] = []
        for state in states:
            if state.target.is_discovered:
                address = state.target.address
                name = self._names.get(address)
                if name is None or name in assigned or not _is_still_valid(name, state):
                    unnamed.append(state)
                else:
                    names[address] = name
                    assigned.add(name)
        if unnamed:
            # No other node gets a name of the previous round yet, because alerts belong to names and must end first.
            taken = assigned.union(self._names.values())
            for state in sorted(unnamed, key=lambda state: _sort_key(state.target)):
                address = state.target.address
                own = {self._names.get(address)} - assigned
                name = next(name for name in _candidates(state) if name not in taken or name in own)
                names[address] = name
                taken.add(name)
        for state in states:
            name = names.get(state.target.address, state.target.node)
            if name != state.target.node:
                state.target = replace(state.target, node=name)
        self._names = names


def _is_still_valid(name: str, state: NodeState) -> bool:
    own = state.host_name
    return own is None or name == own or name == f"{own}@{state.target.address}"


def _candidates(state: NodeState) -> Iterator[str]:
    """Yield possible names of the node, the best one first, without end."""
    own, address = state.host_name, state.target.address
    if own is not None:
        yield own
        if len(own) + 1 + len(address) <= NODE_NAME_LIMIT:
            yield f"{own}@{address}"
    name = address
    while True:
        yield name
        name += f"@{address}"


def _sort_key(target: Target) -> tuple[int, int, str, int]:
    """Return a sort key: IP addresses in numeric order, then host names."""
    try:
        number = ipaddress.ip_address(target.host)
    except ValueError:
        return 9, 0, target.host, target.port
    return number.version, int(number), "", target.port


def previous_nodes(raw: bytes | None) -> dict[str, Node]:
    """Return the nodes of ``raw``, a metrics message, by address."""
    snapshot = decode_previous(raw, Snapshot)
    return {} if snapshot is None else {node.address: node for node in snapshot.nodes}


def restore_nodes(nodes: Mapping[str, Node], states: Iterable[NodeState]) -> None:
    """Give each node the status that ``nodes`` has for its address."""
    for state in states:
        node = nodes.get(state.target.address)
        if node is not None:
            state.restore(node)


def cluster_state(states: Iterable[NodeState], rules: Rules, problems: Sequence[Coded]) -> ClusterState:
    """Return the input of a round from ``states``, and update the metric of targets by status."""
    states = list(states)
    nodes = [state.as_node() for state in states]
    counts = Counter(node.status for node in nodes)
    for status in ("online", "offline", "unknown"):
        TARGETS.labels(status).set(counts[status])
    observations = [
        ObservedNode(
            state.target.node,
            state.status if state.is_recent else "unknown",
            state.error,
            state.measures,
            state.target.role,
            state.target.address,
            state.target.labels,
        )
        for state in states
    ]
    remarks = [remark for state in states if (remark := _remark(state)) is not None]
    is_simulated = any(state.target.is_simulated for state in states)
    return ClusterState(nodes, observations, rules, problems, sorted(remarks, key=english), is_simulated)


def _remark(state: NodeState) -> Coded | None:
    """Return a remark on an online node, if there is one."""
    if state.hanging_collector is not None:
        return collector_hangs(state.target.node, state.hanging_collector)
    if not state.missing_figures:
        return None
    return figures_missing(state.target.node, state.missing_figures, state.missing_reason)
