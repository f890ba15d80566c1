"""The body of a POST: read in pieces, counted as long as it is kept, and given up when its session ends."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from ws import loop
from ws.budget import Held
from ws.fast.codes import MESSAGE_TOO_BIG
from ws.fast.polling import Ended, Polls
from ws.fast.reader import Broken, size_of
from ws.fast.session import Session
from ws.fast.shared import Shared

#: Bytes read at a time.
PIECE_BYTES: Final = 16 * 1024


class Body:
    """A context, until whose end the body counts in the budgets of the client that sent it."""

    def __init__(self, shared: Shared, session: Session, polls: Polls, environ: Mapping[str, Any]) -> None:
        self._shared = shared
        self._session = session
        self._polls = polls
        self._environ = environ
        self._held = Held()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.release()

    def read(self) -> str:
        """Read the whole body, which is text; lets other greenlets run.

        Raises:
            Broken: it is longer than a client may send, or is no body.
            Ended: the session has ended, or ends because too much is kept, or the client sent less than it announced.
            OSError: the client is gone, or takes too long; the session has ended.
        """
        limit_bytes, stated = self._shared.readers.limit_bytes, self._environ.get("CONTENT_LENGTH")
        # A body in chunks has no length; a byte beyond the limit tells that it is too long.
        due_bytes = limit_bytes + 1 if stated is None else int(stated)
        if stated is not None and due_bytes > limit_bytes:
            raise Broken(MESSAGE_TOO_BIG, "too big")
        received = bytearray()
        while len(received) < due_bytes and (piece := self._piece(min(PIECE_BYTES, due_bytes - len(received)))):
            received += piece
            self._hold(len(received))
        if len(received) > limit_bytes:
            raise Broken(MESSAGE_TOO_BIG, "too big")
        if stated is not None and len(received) < due_bytes:
            self._session.lost()
            raise Ended
        try:
            text = received.decode()
        except UnicodeDecodeError:
            raise Broken(0, "not text") from None
        self._hold(size_of(text))
        return text

    def _hold(self, held_bytes: int) -> None:
        if not self._held.set(held_bytes, self._shared.callbacks.budgets(self._session.sid)):
            self._session.end("overload", None)
            raise Ended

    def _piece(self, size: int) -> bytes:
        self._polls.receives_from = loop.descriptor(self._environ)
        try:
            piece: bytes = self._environ["wsgi.input"].read(size)
        except ValueError as error:
            raise Broken(0, str(error)) from None
        except OSError:
            self._session.lost()
            raise
        finally:
            self._polls.receives_from = None
        if self._session.closed:
            raise Ended
        return piece
