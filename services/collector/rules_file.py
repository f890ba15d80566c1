"""The alert rules in force: the built-in ones and the user's file."""

import logging
from pathlib import Path

from collector.daemon_thread import run_in_daemon_thread
from collector.metrics import FILE_ERRORS
from collector.rules import Rules, RulesError, built_in_rules, parse_rules
from collector.said.files import file_missing
from collector.said.issues import rules_file_invalid
from collector.said.sentence import english
from collector.watched_file import Content, WatchedFile
from contract.messages import Coded
from runtime.quoted import shown

_log = logging.getLogger(__name__)


class InvalidRulesFile(Exception):
    """A rules file that cannot be followed from the start; the text names it and says why."""


class RulesFile:
    """Follows a rules file, if there is to be one. A broken or missing one leaves the former rules in force."""

    def __init__(self, path: Path | None) -> None:
        """Read the file.

        Raises:
            InvalidRulesFile: it is missing or broken; the text names it.
        """
        self.rules: Rules = built_in_rules()
        #: What is wrong with the file.
        self.problem: Coded | None = None
        self._file = None if path is None else WatchedFile(path)
        if self._file is not None:
            try:
                self.rules = _parsed(self._file.read())
            except RulesError as error:
                raise InvalidRulesFile(f"the rules file {shown(self._file.path)} is not valid: {error}") from None

    async def refresh(self) -> None:
        """Read the file again if it changed."""
        content = None if self._file is None else await self._file.changed()
        if content is None or self._file is None:
            return
        try:
            # Beside the loop: a file that is as long as it may be takes a second.
            self.rules = await run_in_daemon_thread(lambda: _parsed(content), "parse the rules")
        except RulesError as error:
            self.problem = rules_file_invalid(shown(self._file.path), error.line, error.why)
            FILE_ERRORS.labels("rules").inc()
            _log.warning("%s", english(self.problem))
        else:
            self.problem = None
            _log.info("took new rules from %s", shown(self._file.path))


def _parsed(content: Content) -> Rules:
    if content.error is not None:
        raise RulesError(content.error)
    if content.text is None:
        raise RulesError(file_missing())
    return parse_rules(content.text)
