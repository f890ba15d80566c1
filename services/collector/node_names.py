"""What discovered nodes are called: what they call themselves, as far as that is free."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from collector.node_state import NodeState
from collector.targets import Target
from contract.events import NODE_NAME_LIMIT


class NodeNames:
    """Names each address once: a name stays while its target is there and calls itself the same."""

    def __init__(self) -> None:
        #: The name of each address in the round before.
        self._names: dict[str, str] = {}

    def adopt(self, names: Mapping[str, str]) -> None:
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
