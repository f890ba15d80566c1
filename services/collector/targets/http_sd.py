"""Target lists of HTTP servers (``http_sd`` of Prometheus), which are requested again and again."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec

from collector.metrics import HTTP_SD_FAILURES
from collector.sentences import failures, http_sd
from collector.sentences.issues import http_sd_failed, labels_left_out
from collector.sentences.sentence import english, plural
from collector.targets.entry import TargetEntry, TargetsError
from collector.targets.followed import FollowedSources
from collector.targets.http_sd_request import ANSWER_SECONDS, HttpSdFailed, HttpSdUrl
from collector.targets.target_groups import TargetGroups, read_target_groups
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoting import cut

_log = logging.getLogger(__name__)
#: Seconds for which a collector that starts waits for the first answers. A slow server's list counts when it arrives.
FIRST_ANSWER_SECONDS: Final = 5.0
#: Reasons that are logged until a request succeeds: the text of an answer may differ each time.
LOGGED_REASONS: Final = 10
Fetch = Callable[[HttpSdUrl], Awaitable[bytes]]


def read_target_list(body: bytes) -> TargetGroups:
    """Return the targets of a JSON list of groups.

    Raises:
        TargetsError: the text is not JSON, or a group is not valid.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = type(error).__name__ if isinstance(error, RecursionError) else str(error)
        raise TargetsError(failures.answer_not_valid(cut(text))) from None
    if not isinstance(document, list):
        raise TargetsError(http_sd.list_is_no_list())
    return read_target_groups(document)


class HttpSdSource:
    """One target list. While requests fail, its last targets stay in use."""

    def __init__(self, url: HttpSdUrl, fetch: Fetch) -> None:
        self.entries: tuple[TargetEntry, ...] = ()
        #: Entries of an answer that became too old; they tell how to scrape an address.
        self.forgotten: tuple[TargetEntry, ...] = ()
        #: Whether ``entries`` come from an answer; an empty list counts as an answer.
        self.is_answered = False
        #: The problem that the request fails, and the cause alone.
        self.problem: Coded | None = None
        self.why: Coded | None = None
        #: The labels that are left out.
        self.remark: Coded | None = None
        #: Set after the first request has succeeded or failed.
        self.first_answer_done = asyncio.Event()
        self._url = url
        self._fetch = fetch
        self._answered_at = -math.inf
        #: The reasons that are logged since the last answer.
        self._logged: set[str] = set()

    @property
    def shown(self) -> str:
        """The URL for messages."""
        return self._url.shown

    async def refresh(self) -> None:
        """Request the list once."""
        try:
            body = await self._fetch(self._url)
            # In a thread: reading a list of the maximum length takes a second.
            groups = await run_in_daemon_thread(lambda: read_target_list(body), "read a target list")
        except HttpSdFailed as error:
            self._fail(error.reason, error.why)
        except TargetsError as error:
            self._fail("list", error.why)
        except Exception as error:
            # The type only: the text may contain the request with its credentials.
            self._fail("internal", failures.unreadable(type(error).__name__))
        else:
            self._set(groups)

    def forget(self, older_than_seconds: float) -> None:
        """Drop the last answer if it is older: the previous collector had newer ones."""
        if self.is_answered and time.monotonic() - self._answered_at > older_than_seconds:
            self.forgotten, self.entries, self.is_answered = self.entries, (), False

    def _set(self, groups: TargetGroups) -> None:
        entries, left_out = groups
        if self.problem is not None or not self.is_answered or entries != self.entries:
            _log.info("%s from the target list %s", plural(len(entries), "target"), self.shown)
        self.entries, self.forgotten = entries, ()
        self.is_answered, self._answered_at = True, time.monotonic()
        self.problem = self.why = None
        self._logged.clear()
        remark = None if left_out is None else labels_left_out(self.shown, *left_out)
        if remark is not None and remark != self.remark:
            _log.warning("%s", english(remark))
        self.remark = remark
        self.first_answer_done.set()

    def _fail(self, reason: str, why: Coded) -> None:
        HTTP_SD_FAILURES.labels(reason).inc()
        problem = http_sd_failed(self.shown, len(self.entries), why)
        text = english(why)
        if text not in self._logged and len(self._logged) < LOGGED_REASONS:
            self._logged.add(text)
            _log.warning("%s", english(problem))
        self.problem, self.why = problem, why
        self.first_answer_done.set()


class HttpSdTargets(FollowedSources[HttpSdSource]):
    """Follows target lists."""

    def __init__(self, sources: Iterable[HttpSdSource] = (), refresh_seconds: float = 60.0) -> None:
        super().__init__(sources, refresh_seconds, ANSWER_SECONDS)

    @property
    def remarks(self) -> list[Coded]:
        """The labels that are left out."""
        return [source.remark for source in self.sources if source.remark is not None]

    @property
    def is_answered(self) -> bool:
        """Whether every list has an answer."""
        return all(source.is_answered for source in self.sources)

    def forgotten(self) -> dict[str, TargetEntry]:
        """Return the entries of dropped answers, by address."""
        return {entry.address: entry for source in self.sources for entry in source.forgotten}

    async def first_answers_done(self, timeout_seconds: float | None = FIRST_ANSWER_SECONDS) -> None:
        """Wait until the first request of each list has succeeded or failed; ``None``: without a limit."""
        waits = [asyncio.create_task(source.first_answer_done.wait()) for source in self.sources]
        if waits:
            try:
                await asyncio.wait(waits, timeout=timeout_seconds)
            finally:
                for wait in waits:
                    wait.cancel()

    async def _refresh(self, source: HttpSdSource) -> None:
        await source.refresh()
