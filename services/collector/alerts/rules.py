"""The alert rules in force: the built-in rules, with the changes of the rules file."""

import logging
from functools import cache
from importlib import resources
from pathlib import Path

from collector.alerts.rule import Rule, Rules
from collector.alerts.rules_syntax import BUILT_IN_NAMES, RulesError, read_rules
from collector.metrics import FILE_ERRORS
from collector.sentences.files import file_missing
from collector.sentences.issues import rules_file_invalid
from collector.sentences.sentence import english
from collector.yaml_file import FileContent, WatchedFile
from contract.messages import Coded, RuleInForce
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoting import path_text

_log = logging.getLogger(__name__)


class InvalidRulesFile(Exception):
    """The rules file has an error at the start of the collector; the text names the file and the cause."""


def rules_in_force(rules: Rules) -> tuple[RuleInForce, ...]:
    """Return the rules in the form of the contract."""
    return tuple(rule.to_contract() for rule in rules.values())


@cache
def built_in_rules() -> Rules:
    """Return the rules that the package contains."""
    text = (resources.files("collector.alerts") / "alerts.yaml").read_text()
    blank = {name: Rule(name, enabled=False, severity="info", for_seconds=0.0) for name in BUILT_IN_NAMES}
    return _with_changes(blank, text)


def parse_rules(text: str) -> Rules:
    """Return the built-in rules with the changes of ``text``.

    Raises:
        RulesError: the first error of the text; ``read_rules`` returns all errors.
    """
    return _with_changes(built_in_rules(), text)


class RulesFile:
    """Follows the rules file, if one is set. A missing or invalid file leaves the previous rules in force."""

    def __init__(self, path: Path | None) -> None:
        """Read the file.

        Raises:
            InvalidRulesFile: the file is missing or has an error; the text names the file.
        """
        self.rules: Rules = built_in_rules()
        #: The error in the file.
        self.problem: Coded | None = None
        self._file = None if path is None else WatchedFile(path)
        if self._file is not None:
            try:
                self.rules = _parsed(self._file.read())
            except RulesError as error:
                raise InvalidRulesFile(f"the rules file {path_text(self._file.path)} is not valid: {error}") from None

    async def refresh(self) -> None:
        """Read the file again if it changed."""
        content = None if self._file is None else await self._file.changed()
        if content is None or self._file is None:
            return
        try:
            # In a thread: a file of the maximum length takes a second.
            self.rules = await run_in_daemon_thread(lambda: _parsed(content), "parse the rules")
        except RulesError as error:
            self.problem = rules_file_invalid(path_text(self._file.path), error.line, error.why)
            FILE_ERRORS.labels("rules").inc()
            _log.warning("%s", english(self.problem))
        else:
            self.problem = None
            _log.info("loaded new rules from %s", path_text(self._file.path))


def _parsed(content: FileContent) -> Rules:
    if content.error is not None:
        raise RulesError(content.error)
    if content.text is None:
        raise RulesError(file_missing())
    return parse_rules(content.text)


def _with_changes(rules: Rules, text: str) -> Rules:
    changed, errors = read_rules(text, rules)
    if errors:
        raise errors[0]
    return changed
