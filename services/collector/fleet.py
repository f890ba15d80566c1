"""The nodes: which there are, what they are called, and what is known of them."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from collector.alerts.conditions import ObservedNode
from collector.alerts.message import decode_previous
from collector.alerts.rules import Rules, RulesFile
from collector.metrics import TARGETS
from collector.node_state import NodeState
from collector.polling import Polling
from collector.sentences.issues import collector_hangs, figures_missing
from collector.sentences.sentence import english
from collector.targets.sources import TargetSources
from collector.targets.target import Target
from contract.events import NODE_NAME_LIMIT
from contract.messages import Coded, Node, Snapshot


@dataclass(frozen=True)
class ClusterState:
    """What a round is made of: the nodes as they are known now, for people and for the rules."""

    nodes: Sequence[Node]
    observations: Sequence[ObservedNode]
    rules: Rules
    #: What is wrong with the collector's own files and names.
    problems: Sequence[Coded]
    #: What is to be known of nodes that are online, in the order of their texts.
    remarks: Sequence[Coded] = ()
    #: Whether any of the nodes is a simulated one.
    is_simulated: bool = False


class Fleet:
    """Lets ``polling`` follow the targets of ``sources``."""

    def __init__(self, polling: Polling, sources: TargetSources) -> None:
        self._polling = polling
        self._sources = sources
        self._names = NodeNames()

    @property
    def path(self) -> Path:
        """Where people list nodes, absolute."""
        return self._sources.path

    async def begin(self, stop: asyncio.Event) -> None:
        """Wait until DNS has answered, or failed, or ``stop``: else the first round would be one without its targets.

        It takes a few seconds at most.
        """
        waits = [asyncio.create_task(self._sources.dns.first_lookups_done()), asyncio.create_task(stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        self._follow(self._sources.combine())

    async def refresh(self) -> None:
        """Look at what the targets are by now."""
        self._follow(await self._sources.refresh())

    def restore(self, raw: bytes | None) -> None:
        """Go on from ``raw``, the last metrics message of the collector before: its nodes, their names and statuses."""
        nodes = former_nodes(raw)
        if nodes:
            self._follow(self._sources.keep_addresses(nodes))
            self._names.restore({address: node.node for address, node in nodes.items()})
            restore_nodes(nodes, self._polling.states.values())

    def state(self, rules: RulesFile) -> ClusterState:
        """Return what a round is made of now."""
        states = self._polling.states.values()
        self._names.give(states)
        problems = self._sources.problems
        if rules.problem is not None:
            problems.append(rules.problem)
        return cluster_state(states, rules.rules, problems)

    def _follow(self, is_changed: bool) -> None:
        if is_changed:
            self._polling.follow(self._sources.targets)


class NodeNames:
    """Names each address once: a name stays while its target is there and calls itself the same."""

    def __init__(self) -> None:
        #: The name of each address in the round before.
        self._names: dict[str, str] = {}

    def restore(self, names: Mapping[str, str]) -> None:
        """Go on from the names that the collector before gave, by address; one's own of before are void."""
        self._names = dict(names)

    def give(self, states: Iterable[NodeState]) -> None:
        """Give the targets of ``states`` that are discovered their names; those of the others stand."""
        states = list(states)
        listed = {state.target.node for state in states if not state.target.is_discovered}
        names: dict[str, str] = {}
        given = set(listed)
        unnamed: list[NodeState] = []
        for state in states:
            if state.target.is_discovered:
                address = state.target.address
                name = self._names.get(address)
                if name is None or name in given or not _fits(name, state):
                    unnamed.append(state)
                else:
                    names[address] = name
                    given.add(name)
        if unnamed:
            # A name of the round before goes to no other node yet: alerts are about names, and first end.
            taken = given.union(self._names.values())
            for state in sorted(unnamed, key=lambda state: _order(state.target)):
                address = state.target.address
                own = {self._names.get(address)} - given
                name = next(name for name in _candidates(state) if name not in taken or name in own)
                names[address] = name
                taken.add(name)
        for state in states:
            name = names.get(state.target.address, state.target.node)
            if name != state.target.node:
                state.target = replace(state.target, node=name)
        self._names = names


def _fits(name: str, state: NodeState) -> bool:
    own = state.host_name
    return own is None or name == own or name == f"{own}@{state.target.address}"


def _candidates(state: NodeState) -> Iterator[str]:
    """The names that the node may have, the best one first; there is always another."""
    own, address = state.host_name, state.target.address
    if own is not None:
        yield own
        if len(own) + 1 + len(address) <= NODE_NAME_LIMIT:
            yield f"{own}@{address}"
    name = address
    while True:
        yield name
        name += f"@{address}"


def _order(target: Target) -> tuple[int, int, str, int]:
    """Addresses as numbers before names, the lower first."""
    try:
        number = ipaddress.ip_address(target.host)
    except ValueError:
        return 9, 0, target.host, target.port
    return number.version, int(number), "", target.port


def former_nodes(raw: bytes | None) -> dict[str, Node]:
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
    """Return what is known of ``states``, and count them by status."""
    states = list(states)
    nodes = [state.as_node() for state in states]
    counts = Counter(node.status for node in nodes)
    for status in ("online", "offline", "unknown"):
        TARGETS.labels(status).set(counts[status])
    observations = [
        ObservedNode(
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
    return ClusterState(nodes, observations, rules, problems, sorted(remarks, key=english), is_simulated)


def _remark(state: NodeState) -> Coded | None:
    """What is to be known of a node that is online."""
    if state.hanging_collector is not None:
        return collector_hangs(state.target.node, state.hanging_collector)
    if not state.missing_figures:
        return None
    return figures_missing(state.target.node, state.missing_figures, state.lack)
