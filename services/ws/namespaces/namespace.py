"""The base class of the namespaces: requests, answers and errors."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from contract.codec import encode
from contract.events import ERROR, Error
from runtime.logs import RateLimitedLog
from ws.counters import Counters
from ws.event import Event, Group, Push

_logger = logging.getLogger(__name__)
_complaints: Final = RateLimitedLog(_logger)

#: Takes the client's id and the request's argument, an object; returns the payload of the acknowledgement.
Request = Callable[[str, Mapping[str, Any]], bytes]


class EventRefused(Exception):
    """A request that is answered with the event ``error``; the connection stays open."""

    def __init__(self, code: Literal["bad_request", "not_available", "limit_exceeded"], message: str) -> None:
        super().__init__(message)
        self.payload = encode(Error(code=code, message=message))


class Namespace(ABC):
    """One namespace. Subclasses must not let another greenlet run between sending a state and joining a group."""

    #: Name that clients connect to.
    name: str

    def __init__(self, push: Push, counters: Counters) -> None:
        self._push = push
        self._counters = counters
        #: Clients that get the broadcasts to the whole namespace.
        self._all_clients: Final = Group(self.name, "everybody")
        #: Handlers of requests by event.
        self.requests: dict[str, Request] = {}

    @abstractmethod
    def connected(self, sid: str, auth: Mapping[str, Any]) -> None:
        """Send the first events to a new client, and add the client to its groups."""

    def disconnected(self, sid: str) -> None:
        """Forget the client."""
        self._push.leave(sid, self._all_clients)

    def event(self, name: str, payload: bytes, slot: str | None = None) -> Event:
        """Return an event of this namespace; see ``EnginePacket`` for ``slot``."""
        return Event(self.name, name, payload, slot)

    def send(self, sid: str, event: str, payload: bytes, slot: str | None = None) -> None:
        """Send an event to one client of this namespace."""
        self._push.send(sid, self.event(event, payload, slot))

    def handle(self, sid: str, event: str, arguments: Sequence[object]) -> bytes | None:
        """Answer an event of a client; return the payload of the acknowledgement.

        A bad request, or a request that cannot be answered, gets ``error`` {code, message} as event and as
        acknowledgement. An unknown event gets no answer: the result is ``None``.
        """
        request = self.requests.get(event)
        if request is None:
            self._counters.unknown_events += 1
            return None
        try:
            return request(sid, _object_argument(arguments))
        except EventRefused as refused:
            self._counters.bad_requests += 1
            self.send(sid, ERROR, refused.payload)
            return refused.payload
        except Exception as error:
            self._counters.handler_errors += 1
            _complaints.warning(event, "answering %s failed: %r", event, error)
            return None


def _object_argument(arguments: Sequence[object]) -> Mapping[str, Any]:
    """Return the argument of a request: an object, or ``{}`` if the argument is missing or ``null``."""
    if not arguments or tuple(arguments) == (None,):
        return {}
    argument = arguments[0]
    if len(arguments) > 1 or not isinstance(argument, dict):
        raise EventRefused("bad_request", "a request takes at most one argument, which must be an object")
    return argument
