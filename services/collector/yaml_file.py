"""A YAML file that people edit while it is in use: noticed when it changes, read in bounded memory and time."""

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

#: Bytes that such a file may have.
SIZE_LIMIT_BYTES: Final = 1024 * 1024
#: Seconds for which a changed file must stay as it is: an editor that writes in place passes through half a file.
SETTLE_SECONDS: Final = 0.1
#: Lists and mappings inside each other. Our own files need four.
DEPTH_LIMIT: Final = 20
#: Events of the parser: about one a value, two a list or mapping. A file of 4000 nodes with names has 32,000.
EVENTS_LIMIT: Final = 200_000
#: Characters of a text without quotes; such a text may be a number, which takes long to read where it is long.
PLAIN_LIMIT: Final = 10_000
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
#: A line that begins with a percent sign, after any line break of YAML's.
_DIRECTIVE: Final = re.compile("(?:^|[\r\n\x85\u2028\u2029])\ufeff?%")
_SafeLoader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FileError(ValueError):
    """A file that cannot be followed; the text says why, and in which line if that is known."""

    def __init__(self, why: Coded, line: int | None = None) -> None:
        super().__init__(with_line(english(why), line))
        self.why = why
        self.line = line


@dataclass(frozen=True)
class FileContent:
    """The file's text, ``None`` if there is no file; or why it cannot be read."""

    text: str | None
    error: Coded | None = None

    @property
    def fingerprint(self) -> tuple[Coded | None, bytes | None]:
        """What differs where contents do, and takes no memory: there may be many files."""
        return self.error, None if self.text is None else hashlib.blake2b(self.text.encode()).digest()


class WatchedFile:
    """Compares contents: whether an editor writes in place, renames, or a link is moved makes no difference."""

    def __init__(self, path: Path) -> None:
        #: Absolute, for people to find it.
        self.path = path.absolute()
        self._known: tuple[Coded | None, bytes | None] | None = None

    def read(self) -> FileContent:
        """Return the content as it is now."""
        content = _content(self.path)
        self._known = content.fingerprint
        return content

    async def changed(self) -> FileContent | None:
        """Return the new content once it has settled, or ``None`` while there is none."""
        content = await self._read()
        if content.fingerprint == self._known:
            return None
        await asyncio.sleep(SETTLE_SECONDS)
        if await self._read() != content:
            return None
        self._known = content.fingerprint
        return content

    async def _read(self) -> FileContent:
        # Beside the loop: a disk may take its time, and many files do.
        return await run_in_daemon_thread(lambda: _content(self.path), "read a file")


def _content(path: Path) -> FileContent:
    try:
        return FileContent(read_small_file(path, SIZE_LIMIT_BYTES).decode("utf-8-sig"))
    except FileNotFoundError:
        return FileContent(None)
    except UnicodeDecodeError:
        return FileContent(None, files.file_not_utf8())
    except UnreadableFile as error:
        return FileContent(None, _why_unread(error))


def _why_unread(error: UnreadableFile) -> Coded:
    match error.reason:
        case "no_file":
            return files.file_is_no_file()
        case "too_long":
            return files.file_too_long(SIZE_LIMIT_BYTES)
        case "unreadable":
            return files.file_unreadable(error.error)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Takes every key for a text.

    There are numbers by the thousand that a dict takes equally long for as for all others together, and the key ``<<``
    would merge mappings.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, object]:
        keys = [self.construct_scalar(key) for key, _ in node.value]
        return {key: self.construct_object(value, deep) for key, (_, value) in zip(keys, node.value, strict=True)}

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        pass


class YamlError(FileError):
    """A text that is not YAML."""


class UnsupportedYaml(YamlError):
    """A text with more than we read of YAML."""


def read_yaml(text: str) -> object:
    """Return the one document of ``text``. Of equal keys the last one counts.

    Raises:
        UnsupportedYaml: the text has aliases, anchors or tags, or more depth or length than we read.
        YamlError: the text is not YAML.
    """
    try:
        _check(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader, in C where there is one)
    except UnsupportedYaml:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _not_yaml(error) from None


def line_of(text: str, place: Sequence[str | int]) -> int | None:
    """Return the line, from 1, in which the part of ``text`` begins that keys and numbers of list items lead to.

    ``None`` where there is no such part, or the text is not YAML (as some JSON is not).
    """
    try:
        _check(text)
        node = yaml.compose(text, Loader=_Loader)
    except (YamlError, yaml.YAMLError, ValueError, OverflowError):
        return None
    for step in place:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in reversed(node.value) if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            return None
    return None if node is None else node.start_mark.line + 1


def _check(text: str) -> None:
    """Go through the parser's events, which are made one by one: the loader would first make everything of them.

    An alias repeats what it stands for, so that a few hundred bytes become gigabytes; the loader in C calls itself for
    each level of depth, until its stack ends and the process with it.
    """
    directive = _DIRECTIVE.search(text)
    if directive is not None:
        # Each %TAG is compared with all before.
        line = text.count("\n", 0, directive.end())
        raise UnsupportedYaml(files.yaml_directive(), line + 1)
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader), 1):
        if isinstance(event, yaml.AliasEvent):
            _refuse(event, files.yaml_alias())
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            _refuse(event, files.yaml_anchor())
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag not in (None, _TEXT_TAG, "!"):
            _refuse(event, files.yaml_tag())
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_LIMIT:
            _refuse(event, files.yaml_too_deep(DEPTH_LIMIT))
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and len(event.value) > PLAIN_LIMIT:
            _refuse(event, files.yaml_text_too_long(PLAIN_LIMIT))
        if count > EVENTS_LIMIT:
            _refuse(event, files.yaml_too_many_values(EVENTS_LIMIT))


def _refuse(event: yaml.Event, why: Coded) -> NoReturn:
    line = 0 if event.start_mark is None else event.start_mark.line
    raise UnsupportedYaml(why, line + 1)


def _not_yaml(error: Exception) -> YamlError:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error).partition("\n")[0]
    return YamlError(files.yaml_invalid(cut(problem)), None if mark is None else mark.line + 1)
