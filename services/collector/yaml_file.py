"""A YAML file that people edit while it is in use: detects changes, and reads in bounded memory and time."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from collector.sentences import files
from collector.sentences.sentence import english, with_line
from contract.messages import Coded
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoting import cut
from runtime.small_file import UnreadableFile, read_small_file

#: Maximum size of a file.
SIZE_LIMIT_BYTES: Final = 1024 * 1024
#: Seconds for which a changed file must not change again: an editor that writes in place leaves half a file first.
SETTLE_SECONDS: Final = 0.1
#: Maximum depth of nested lists and mappings. Valid files need six: labels of an entry of a group.
DEPTH_LIMIT: Final = 20
#: Maximum number of parser events: about one per value, two per list or mapping. 4000 nodes with names need 32,000,
#: with four labels each 68,000.
EVENTS_LIMIT: Final = 200_000
#: Maximum length of a text without quotes: the text may be a number, and parsing a long number takes long.
PLAIN_LIMIT: Final = 10_000
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
#: A line that begins with a percent sign, after any line break that YAML has.
_DIRECTIVE: Final = re.compile("(?:^|[\r\n\x85\u2028\u2029])\ufeff?%")
_SafeLoader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FileError(ValueError):
    """A file has an error; the text names the cause, and the line if it is known."""

    def __init__(self, why: Coded, line: int | None = None) -> None:
        super().__init__(with_line(english(why), line))
        self.why = why
        self.line = line


@dataclass(frozen=True)
class FileContent:
    """The text of a file, ``None`` if the file is missing; ``error`` is set if the file cannot be read."""

    text: str | None
    error: Coded | None = None

    @property
    def fingerprint(self) -> tuple[Coded | None, bytes | None]:
        """A small value that differs between contents; there may be many files."""
        return self.error, None if self.text is None else hashlib.blake2b(self.text.encode()).digest()


class WatchedFile:
    """Detects changes by content, so that writing in place, renaming and moving a link all work."""

    def __init__(self, path: Path) -> None:
        #: Absolute, for messages.
        self.path = path.absolute()
        self._known: tuple[Coded | None, bytes | None] | None = None

    def read(self) -> FileContent:
        """Return the current content."""
        content = _content(self.path)
        self._known = content.fingerprint
        return content

    async def changed(self) -> FileContent | None:
        """Return the new content after it has settled; ``None`` if the content has not changed or has not settled."""
        content = await self._read()
        if content.fingerprint == self._known:
            return None
        await asyncio.sleep(SETTLE_SECONDS)
        if await self._read() != content:
            return None
        self._known = content.fingerprint
        return content

    async def _read(self) -> FileContent:
        # In a thread: disks and many files can be slow.
        return await run_in_daemon_thread(lambda: _content(self.path), "read a file")


def _content(path: Path) -> FileContent:
    try:
        return FileContent(read_small_file(path, SIZE_LIMIT_BYTES).decode("utf-8-sig"))
    except FileNotFoundError:
        return FileContent(None)
    except UnicodeDecodeError:
        return FileContent(None, files.file_not_utf8())
    except UnreadableFile as error:
        return FileContent(None, _read_failure(error))


def _read_failure(error: UnreadableFile) -> Coded:
    match error.reason:
        case "no_file":
            return files.file_is_no_file()
        case "too_long":
            return files.file_too_long(SIZE_LIMIT_BYTES)
        case "unreadable":
            return files.file_unreadable(error.error)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Reads every key as text.

    A mapping with thousands of crafted numbers as keys would make a dict slow, and the key ``<<`` would merge mappings.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, object]:
        keys = [self.construct_scalar(key) for key, _ in node.value]
        return {key: self.construct_object(value, deep) for key, (_, value) in zip(keys, node.value, strict=True)}

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        pass


class YamlError(FileError):
    """The text is not YAML."""


class UnsupportedYaml(YamlError):
    """The text has YAML features or sizes that are not supported."""


def read_yaml(text: str) -> object:
    """Return the only document of ``text``. For equal keys, the last value counts.

    Raises:
        UnsupportedYaml: the text has directives, aliases, anchors or tags, or exceeds a limit.
        YamlError: the text is not YAML.
    """
    try:
        _check_limits(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader, in C if available)
    except UnsupportedYaml:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _not_yaml(error) from None


def line_of(text: str, position: Sequence[str | int]) -> int | None:
    """Return the line, from 1, in which the value at ``position`` begins.

    ``position``: keys of mappings and numbers of list items, from 0. Returns ``None`` if the value does not exist or
    the text is not YAML; not all JSON is YAML.
    """
    try:
        _check_limits(text)
        node = yaml.compose(text, Loader=_Loader)
    except (YamlError, yaml.YAMLError, ValueError, OverflowError):
        return None
    for key_or_number in position:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in reversed(node.value) if key.value == key_or_number), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key_or_number, int) and key_or_number < len(node.value):
            node = node.value[key_or_number]
        else:
            return None
    return None if node is None else node.start_mark.line + 1


def key_lines(text: str, positions: Sequence[Sequence[str | int]]) -> list[int | None]:
    """Return the line of each position, from 1: of the key in a mapping, of the item in a list.

    ``positions`` as for ``line_of``. Where the way leads nowhere, the line is that of the last known step; ``None`` if
    there is no such step or the text is not YAML.
    """
    if not positions:
        return []
    try:
        _check_limits(text)
        document = yaml.compose(text, Loader=_Loader)
    except (YamlError, yaml.YAMLError, ValueError, OverflowError):
        return [None] * len(positions)
    return [_key_line(document, position) for position in positions]


def _key_line(node: yaml.Node | None, position: Sequence[str | int]) -> int | None:
    line = None
    for step in position:
        if isinstance(node, yaml.MappingNode):
            key, node = next(((key, value) for key, value in reversed(node.value) if key.value == step), (None, None))
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            key = node = node.value[step]
        else:
            break
        if key is None:
            break
        line = key.start_mark.line + 1
    return line


def _check_limits(text: str) -> None:
    """Check the parser's events one by one, before the loader builds all values.

    Aliases can turn a few hundred bytes into gigabytes. The C loader recurses for each level of depth, and a stack
    overflow would kill the process.
    """
    directive = _DIRECTIVE.search(text)
    if directive is not None:
        # The parser compares each %TAG with all previous ones.
        line = text.count("\n", 0, directive.end())
        raise UnsupportedYaml(files.yaml_directive(), line + 1)
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader), 1):
        if isinstance(event, yaml.AliasEvent):
            _reject(event, files.yaml_alias())
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            _reject(event, files.yaml_anchor())
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag not in (None, _TEXT_TAG, "!"):
            _reject(event, files.yaml_tag())
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_LIMIT:
            _reject(event, files.yaml_too_deep(DEPTH_LIMIT))
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and len(event.value) > PLAIN_LIMIT:
            _reject(event, files.yaml_text_too_long(PLAIN_LIMIT))
        if count > EVENTS_LIMIT:
            _reject(event, files.yaml_too_many_values(EVENTS_LIMIT))


def _reject(event: yaml.Event, why: Coded) -> NoReturn:
    line = 0 if event.start_mark is None else event.start_mark.line
    raise UnsupportedYaml(why, line + 1)


def _not_yaml(error: Exception) -> YamlError:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error).partition("\n")[0]
    return YamlError(files.yaml_invalid(cut(problem)), None if mark is None else mark.line + 1)
