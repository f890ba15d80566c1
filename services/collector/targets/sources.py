"""All targets: the targets of the files, of the target lists of HTTP servers, and of the DNS names."""

import asyncio
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from collector.sentences import issues
from collector.targets.dns import DnsTargets
from collector.targets.entry import TargetEntry, TargetsError, discovered_entry, host_and_port
from collector.targets.files import TargetsFiles
from collector.targets.http_sd import HttpSdTargets
from collector.targets.target import (
    TARGETS_LIMIT,
    Target,
    discovered_targets,
    labels_bytes,
    names_bytes,
    room_for_names,
)
from contract.messages import Coded, Labels
from runtime.quoting import path_text


class TargetSources:
    """Combines the sources; listed targets have priority over discovered targets."""

    def __init__(self, files: TargetsFiles, dns: DnsTargets, http_sd: HttpSdTargets | None = None) -> None:
        self.targets: tuple[Target, ...] = ()
        self.dns = dns
        self.http_sd = http_sd or HttpSdTargets()
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
        problems = [*self._files.problems, *self._files.remarks]
        problems += [*self.http_sd.problems, *self.http_sd.remarks, *self.dns.problems]
        if self._left_out:
            problems.append(issues.targets_left_out(self._left_out, TARGETS_LIMIT))
        if self._labels_left_out is not None:
            problems.append(issues.discovered_labels_left_out(*self._labels_left_out))
        if not self.targets:
            problems += [issues.no_file_matches(path_text(path)) for path in self._files.unmatched]
            problems += [issues.http_sd_empty(source.shown) for source in self.http_sd.sources if source.is_answered]
            problems += [issues.dns_name_empty(name.host) for name in self.dns.names if name.is_answered]
        return problems

    async def refresh(self) -> bool:
        """Read the files and the answers of DNS and HTTP servers; return whether the targets changed."""
        changes = [await self._files.refresh(), self.http_sd.has_changed(), self.dns.has_changed()]
        return self.combine() if any(changes) else False

    async def first_answers_done(self) -> None:
        """Wait until each DNS name and each target list has its first answer or failure, a few seconds at most."""
        await asyncio.gather(self.dns.first_lookups_done(), self.http_sd.first_answers_done())

    def keep_addresses(self, addresses: Iterable[str], labels: Mapping[str, Labels] | None = None) -> bool:
        """Keep the addresses of the previous collector that may belong to a source without a recent answer.

        Otherwise a collector that starts, or was paused, while DNS or an HTTP server fails would end the alerts of
        unchanged nodes. A DNS name has numeric addresses only, a target list any; ``labels`` are the nodes' labels, by
        address. Returns whether the targets changed.
        """
        self.dns.forget()
        self.http_sd.forget()
        forgotten = self.http_sd.forgotten()
        labels = labels or {}
        entries = (forgotten.get(address) or _discovered(address, labels.get(address)) for address in addresses)
        self._kept = [entry for entry in entries if entry is not None]
        return self.combine()

    def combine(self) -> bool:
        """Combine the current targets of the sources; return whether the targets changed."""
        previous, listed = self.targets, self._files.targets
        found = discovered_targets(
            [*self._files.entries, *self.http_sd.entries, *self.dns.entries, *self._unanswered()], listed
        )
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

    def _unanswered(self) -> list[TargetEntry]:
        """Return the kept entries that may belong to a source without an answer."""
        if not self.http_sd.is_answered:
            return self._kept
        ports = self.dns.unanswered_ports
        return [
            discovered_entry(entry.host, entry.port)
            for entry in self._kept
            if entry.port in ports and _is_numeric(entry.host)
        ]


def _discovered(address: str, labels: Labels | None) -> TargetEntry | None:
    """Return the entry of a host with a port; ``None`` for other addresses."""
    try:
        host, port = host_and_port(address, "")
    except TargetsError:
        return None
    return None if port is None else discovered_entry(host, port, labels=labels)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
