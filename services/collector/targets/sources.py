"""All targets: those of the files, and those that DNS names stand for."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path

from collector.sentences import issues
from collector.targets.dns import DnsTargets
from collector.targets.entry import TargetEntry, discovered_entry, host_and_port
from collector.targets.files import TargetsFiles
from collector.targets.target import TARGETS_LIMIT, Target, discovered_targets, names_bytes, room_for_names
from contract.messages import Coded
from runtime.quoting import path_text


class TargetSources:
    """Puts the sources together; what people list comes before what is discovered."""

    def __init__(self, files: TargetsFiles, dns: DnsTargets) -> None:
        self.targets: tuple[Target, ...] = ()
        self.dns = dns
        self._files = files
        self._former: list[TargetEntry] = []
        self._left_out = 0
        self.combine()

    @property
    def path(self) -> Path:
        """Where people list nodes, absolute."""
        return self._files.path

    @property
    def problems(self) -> list[Coded]:
        """What is wrong with the sources; where there are no targets, what is empty too."""
        problems = [*self._files.problems, *self.dns.problems]
        if self._left_out:
            problems.append(issues.targets_left_out(self._left_out, TARGETS_LIMIT))
        if not self.targets:
            problems += [issues.no_file_matches(path_text(path)) for path in self._files.unmatched]
            problems += [issues.dns_name_empty(name.host) for name in self.dns.names if name.is_answered]
        return problems

    async def refresh(self) -> bool:
        """Look at the files and at what DNS said; return whether the targets changed."""
        is_changed = await self._files.refresh()
        return self.combine() if self.dns.has_changed() or is_changed else False

    def hold(self, addresses: Iterable[str]) -> bool:
        """Keep those of a former collector's addresses that a DNS name without a fresh answer may stand for.

        Else a collector that starts, or was paused, while DNS is away would end the alerts of nodes that are as they
        were. Returns whether the targets changed.
        """
        self.dns.forget()
        self._former = [entry for entry in map(_numeric, addresses) if entry is not None]
        return self.combine()

    def combine(self) -> bool:
        """Put together what the sources say now; return whether the targets changed."""
        former, listed = self.targets, self._files.targets
        ports = self.dns.unanswered_ports
        held = [entry for entry in self._former if entry.port in ports]
        found = discovered_targets([*self._files.entries, *self.dns.entries, *held], listed)
        room = TARGETS_LIMIT - len(listed)
        if len(found) > room:
            # Those in force stay: the order in which others are found is chance.
            known = {target.address for target in former}
            found.sort(key=lambda target: target.address not in known)
        room_bytes = room_for_names(len(listed) + min(len(found), room)) - names_bytes(listed)
        fitting: list[Target] = []
        for target in found[:room]:
            room_bytes -= names_bytes([target])
            if room_bytes < 0:
                break
            fitting.append(target)
        self._left_out = len(found) - len(fitting)
        self.targets = (*listed, *fitting)
        return self.targets != former


def _numeric(address: str) -> TargetEntry | None:
    """The target at ``address`` if it is one that DNS may have given: numbers and a port."""
    try:
        host, port = host_and_port(address, "")
        ipaddress.ip_address(host)
    except ValueError:  # a TargetsError is one too
        return None
    return discovered_entry(host, port)
