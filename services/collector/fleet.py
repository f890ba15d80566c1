"""The nodes: which there are, what they are called, and what is known of them."""

import asyncio
from pathlib import Path

from collector.adopt import adopt_nodes, former_nodes
from collector.alerts.rules import RulesFile
from collector.node_names import NodeNames
from collector.polling import Polling
from collector.redis_disk import RedisDisk
from collector.target_sources import TargetSources
from collector.view import View, view_of


class Fleet:
    """Lets ``polling`` follow the targets of ``sources``; ``disk``: what Redis saves to, where it is known."""

    def __init__(self, polling: Polling, sources: TargetSources, disk: RedisDisk | None = None) -> None:
        self._polling = polling
        self._sources = sources
        self._disk = disk
        self._names = NodeNames()

    @property
    def path(self) -> Path:
        """Where people list nodes, absolute."""
        return self._sources.path

    async def begin(self, stop: asyncio.Event) -> None:
        """Wait until DNS has answered, or failed, or ``stop``: else the first round would be one without its targets.

        It takes a few seconds at most.
        """
        waits = [asyncio.create_task(self._sources.dns.tried()), asyncio.create_task(stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        self._follow(self._sources.combine())

    async def refresh(self) -> None:
        """Look at what the targets are by now, and at the disk."""
        self._follow(await self._sources.refresh())
        if self._disk is not None:
            await self._disk.refresh()

    def adopt(self, raw: bytes | None) -> None:
        """Go on from ``raw``, the last metrics message of the collector before: its nodes, their names and statuses."""
        nodes = former_nodes(raw)
        if nodes:
            self._follow(self._sources.hold(nodes))
            self._names.adopt({address: node.node for address, node in nodes.items()})
            adopt_nodes(nodes, self._polling.states.values())

    def view(self, rules: RulesFile) -> View:
        """Return what a round is made of now."""
        states = self._polling.states.values()
        self._names.give(states)
        problems = self._sources.problems
        if rules.problem is not None:
            problems.append(rules.problem)
        if self._disk is not None and self._disk.problem is not None:
            problems.insert(0, self._disk.problem)
        return view_of(states, rules.rules, problems)

    def _follow(self, is_changed: bool) -> None:
        if is_changed:
            self._polling.follow(self._sources.targets)
