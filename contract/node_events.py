"""Node events: the times at which a node went offline, came online or booted, as their stream keeps them."""

from typing import Final, Literal

import msgspec

from contract.messages import Timestamp

NodeEventKind = Literal["offline", "online", "reboot"]


class NodeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a node. ``at`` is the time of the scrape that found the change; for a boot, the time of the boot."""

    node: str
    at: Timestamp
    kind: NodeEventKind


_DECODER: Final = msgspec.json.Decoder(NodeEvent)


def decode_node_event(raw: bytes) -> NodeEvent:
    """Decode an event.

    Raises:
        msgspec.MsgspecError: ``raw`` is not an event, or its kind is of a later release.
    """
    return _DECODER.decode(raw)
