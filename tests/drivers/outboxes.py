"""A push whose clients read from outboxes, and a decoder for events."""

from ws.engine.outbox import Outbox
from ws.event import EnginePacket, Event, Group


def read(event: EnginePacket) -> tuple[str, bytes]:
    """Return name and payload of a Socket.IO event."""
    name, _, rest = event.text.partition(b'["')[2].partition(b'",')
    return name.decode(), rest[:-1]


class Outboxes:
    """A ``Push``. A client exists when it has an outbox; an event for another client is an error."""

    def __init__(self) -> None:
        self.members: dict[Group, set[str]] = {}
        self.outboxes: dict[str, Outbox] = {}

    def join(self, sid: str, group: Group) -> None:
        self.members.setdefault(group, set()).add(sid)

    def leave(self, sid: str, group: Group) -> None:
        self.members.get(group, set()).discard(sid)

    def broadcast(self, group: Group, event: Event) -> None:
        for sid in self.members.get(group, ()):
            self.send(sid, event)

    def send(self, sid: str, event: Event) -> None:
        self.outboxes[sid].put(event)

    def is_behind(self, sid: str, namespace: str) -> bool:
        return len(self.outboxes[sid]) > 0
