"""What the namespaces have in common: requests, their answers, and their errors."""

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


class RequestRefused(Exception):
    """A request that gets the event ``error`` for an answer; the connection lives on."""

    def __init__(self, code: Literal["bad_request", "not_available", "limit_exceeded"], message: str) -> None:
        super().__init__(message)
        self.payload = encode(Error(code=code, message=message))


class Namespace(ABC):
    """One namespace. Between sending a state and joining a group, none may let another greenlet run."""

    #: As clients connect to it.
    name: str

    def __init__(self, push: Push, counters: Counters) -> None:
        self._push = push
        self._counters = counters
        #: The clients that get what is broadcast to the whole namespace.
        self._all_clients: Final = Group(self.name, "everybody")
        #: By event.
        self.requests: dict[str, Request] = {}

    @abstractmethod
    def connected(self, sid: str, auth: Mapping[str, Any]) -> None:
        """Send a new client what it gets at once, and let it have what comes from then on."""

    def disconnected(self, sid: str) -> None:
        """Forget the client."""
        self._push.leave(sid, self._all_clients)

    def event(self, name: str, payload: bytes, slot: str | None = None) -> Event:
        """An event of this namespace; those of one ``slot`` are states of the same thing."""
        return Event(self.name, name, payload, slot)

    def send(self, sid: str, event: str, payload: bytes, slot: str | None = None) -> None:
        """Send an event to one client of this namespace."""
        self._push.send(sid, self.event(event, payload, slot))

    def handle(self, sid: str, event: str, arguments: Sequence[object]) -> bytes | None:
        """Answer an event of a client; return the payload of its acknowledgement.

        The answer to a request that is bad or cannot be met is ``error`` {code, message}, as event and as
        acknowledgement. An event that is not known is ignored and gets neither: ``None``.
        """
        request = self.requests.get(event)
        if request is None:
            self._counters.unknown_events += 1
            return None
        try:
            return request(sid, _only_object(arguments))
        except RequestRefused as refused:
            self._counters.bad_requests += 1
            self.send(sid, ERROR, refused.payload)
            return refused.payload
        except Exception as error:
            self._counters.handler_errors += 1
            _complaints.warning(event, "%s could not be answered: %r", event, error)
            return None


def _only_object(arguments: Sequence[object]) -> Mapping[str, Any]:
    """The argument of a request, which may be missing, ``null`` or an object."""
    if not arguments or tuple(arguments) == (None,):
        return {}
    argument = arguments[0]
    if len(arguments) > 1 or not isinstance(argument, dict):
        raise RequestRefused("bad_request", "a request takes one argument, an object, or none")
    return argument
