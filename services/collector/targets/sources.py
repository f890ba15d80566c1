"""All targets: the targets of the files and the targets of the DNS names."""

import ipaddress
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from collector.sentences import issues
from collector.targets.dns import DnsTargets
from collector.targets.entry import TargetEntry, discovered_entry, host_and_port
from collector.targets.files import TargetsFiles
from collector.targets.target import (
    TARGETS_LIMIT,
    Target,
    discovered_targets,
    labels_bytes,
    names_bytes,
    room_for_names,
)
from contract.messages import Coded
from runtime.quoting import path_text


class TargetSources:
    """Combines the sources; listed targets have priority over discovered targets."""

    def __init__(self, files: TargetsFiles, dns: DnsTargets) -> None:
        self.targets: tuple[Target, ...] = ()
        self.dns = dns
        self._files = files
        self._kept: list[TargetEntry] = []
        self._left_out = 0
        #: Size of the labels of the discovered targets, and the room for them, if the labels are left out.
        self._labels_left_out: tuple[int, int] | None = None
        self.combine()

    @property
    def path(self) -> Path:
        """The absolute path of the first targets file."""
        return self._files.path

    @property
    def problems(self) -> list[Coded]:
        """The problems of the sources; without any target, the empty sources too."""
        problems = [*self._files.problems, *self._files.remarks, *self.dns.problems]
        if self._left_out:
            problems.append(issues.targets_left_out(self._left_out, TARGETS_LIMIT))
        if self._labels_left_out is not None:
            problems.append(issues.discovered_labels_left_out(*self._labels_left_out))
        if not self.targets:
            problems += [issues.no_file_matches(path_text(path)) for path in self._files.unmatched]
            problems += [issues.dns_name_empty(name.host) for name in self.dns.names if name.is_answered]
        return problems

    async def refresh(self) -> bool:
        """Read the files and the DNS answers; return whether the targets changed."""
        is_changed = await self._files.refresh()
        return self.combine() if self.dns.has_changed() or is_changed else False

    def keep_addresses(self, addresses: Iterable[str]) -> bool:
        """Keep the addresses of the previous collector that may belong to a DNS name without a recent answer.

        Otherwise a collector that starts, or was paused, while DNS fails would end the alerts of unchanged nodes.
        Returns whether the targets changed.
        """
        self.dns.forget()
        self._kept = [entry for entry in map(_numeric, addresses) if entry is not None]
        return self.combine()

    def combine(self) -> bool:
        """Combine the current targets of the sources; return whether the targets changed."""
        previous, listed = self.targets, self._files.targets
        ports = self.dns.unanswered_ports
        kept = [entry for entry in self._kept if entry.port in ports]
        found = discovered_targets([*self._files.entries, *self.dns.entries, *kept], listed)
        room, count = TARGETS_LIMIT - len(listed), len(found)
        if count > room:
            # Targets in force stay first: the order of new targets is arbitrary.
            known = {target.address for target in previous}
            found.sort(key=lambda target: target.address not in known)
        del found[room:]
        room_bytes = room_for_names(len(listed) + len(found)) - names_bytes(listed) - labels_bytes(listed)
        taken, room_for_labels = labels_bytes(found), max(room_bytes - names_bytes(found), 0)
        self._labels_left_out = (taken, room_for_labels) if taken > room_for_labels else None
        if self._labels_left_out is not None:
            # A node without labels is better than no node.
            found = [replace(target, labels={}) for target in found]
        fitting: list[Target] = []
        for target in found:
            room_bytes -= names_bytes([target]) + labels_bytes([target])
            if room_bytes < 0:
                break
            fitting.append(target)
        self._left_out = count - len(fitting)
        self.targets = (*listed, *fitting)
        return self.targets != previous


def _numeric(address: str) -> TargetEntry | None:
    """Return the entry of a numeric address with a port, which may come from DNS; ``None`` for other addresses."""
    try:
        host, port = host_and_port(address, "")
        ipaddress.ip_address(host)
    except ValueError:  # TargetsError is a subclass
        return None
    return discovered_entry(host, port)
