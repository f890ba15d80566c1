"""Matchers select nodes or alerts by what identifies them: names and labels, never measures.

A matcher is a mapping of keys to texts or lists of texts. Keys are and, the texts of a list are or:
``{rack: [a, b], role: worker}``. The keys of ``BUILT_IN_KEYS`` are fields of ``Identity``; any other key is the name of
a label. ``labels.role`` is the label ``role``. A text matches a whole value; ``*`` in the text stands for any
characters, ``?`` for one character. A key whose value is missing matches nothing, not even ``*``.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from contract.messages import Alert, NodeRole, Patterns, Severity

#: ``subject`` is the kind of an alert's subject (``group``), ``subject_name`` its name (``rack=a``).
BUILT_IN_KEYS: Final = ("node", "address", "role", "rule", "severity", "subject", "subject_name")
#: Keys that describe a node.
NODE_KEYS: Final = ("node", "address", "role")
#: Prefix of a label's name; needed only for a label that is called like a built-in key.
LABEL_PREFIX: Final = "labels."
#: Maximum number of keys of a matcher, of patterns of a key, and of characters of a pattern.
KEYS_LIMIT: Final = 20
PATTERNS_LIMIT: Final = 100
PATTERN_LENGTH: Final = 256
#: Name of a label.
#: Source: Prometheus, "Metric names and labels"
LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_KNOWN_VALUES: Final[Mapping[str, tuple[str, ...]]] = {"role": get_args(NodeRole), "severity": get_args(Severity)}

#: Key, and number of the pattern in a list from 0: the place of an error.
Position = tuple[str | int, ...]
#: Of a key: ``no_such_key`` is neither built in nor a label's name, ``key_not_here`` is not among the allowed keys.
#: Of a text: ``not_a_text`` is a number, for instance, which needs quotes; ``no_such_value`` is no role or severity.
MatcherProblem = Literal[
    "not_a_mapping", "no_such_key", "key_not_here", "too_many_keys",
    "no_patterns", "too_many_patterns", "not_a_text", "empty", "too_long", "no_such_value",
]  # fmt: skip


class MatcherError(ValueError):
    """A matcher with an error. ``position`` leads from the matcher to ``value``, which is wrong."""

    def __init__(self, problem: MatcherProblem, position: Position, value: object) -> None:
        super().__init__(f"{problem}: {'/'.join(map(str, position))}")
        self.problem = problem
        self.position = position
        self.value = value


class Identity(Struct, frozen=True, kw_only=True):
    """What a matcher reads of a node or an alert; an empty text is a missing value."""

    node: str = ""
    address: str = ""
    role: str = ""
    rule: str = ""
    severity: str = ""
    subject: str = ""
    subject_name: str = ""
    labels: Mapping[str, str] = {}

    @classmethod
    def of_alert(cls, alert: Alert, *, address: str = "", role: str = "") -> "Identity":
        """Return the identity of an alert; ``address`` and ``role`` of its node, if the node is known."""
        return cls(
            node=alert.node,
            address=address,
            role=role,
            rule=alert.rule,
            severity=alert.severity,
            subject="" if alert.subject is None else alert.subject.kind,
            subject_name="" if alert.subject is None else alert.subject.name,
            labels=alert.labels,
        )


class Glob:
    """A pattern with ``*`` and ``?`` that matches whole texts, in one step for each character of the text.

    Bit ``i`` of a state is set if the first ``i`` items of the pattern match the text so far. An item is a character or
    ``?``.
    """

    __slots__ = ("_accepting", "_any", "_loops", "_where")

    def __init__(self, pattern: str) -> None:
        #: Items that accept a character, by character.
        self._where: dict[str, int] = {}
        #: Items that accept any character.
        self._any = 0
        #: States that stay with any character: a ``*`` comes next.
        self._loops = 0
        item = 1
        for character in pattern:
            if character == "*":
                self._loops |= item
                continue
            if character == "?":
                self._any |= item
            else:
                self._where[character] = self._where.get(character, 0) | item
            item <<= 1
        self._accepting = item

    def matches(self, text: str) -> bool:
        """Whether the pattern matches the whole text."""
        states, loops, any_, where = 1, self._loops, self._any, self._where
        for character in text:
            states = ((states & (where.get(character, 0) | any_)) << 1) | (states & loops)
            if not states:
                return False
        return bool(states & self._accepting)


class _Texts:
    """The patterns of one key."""

    __slots__ = ("_exact", "_globs", "_prefixes")

    def __init__(self, patterns: Collection[str]) -> None:
        self._exact = frozenset(pattern for pattern in patterns if not _is_glob(pattern))
        globs = [pattern for pattern in patterns if _is_glob(pattern)]
        # Most globs are prefixes, which one call compares.
        self._prefixes = tuple(pattern[:-1] for pattern in globs if _is_prefix(pattern))
        self._globs = tuple(Glob(pattern) for pattern in globs if not _is_prefix(pattern))

    def match(self, value: str) -> bool:
        return (
            value in self._exact or value.startswith(self._prefixes) or any(glob.matches(value) for glob in self._globs)
        )


class Matcher:
    """Patterns by key, as ``parse_matcher`` checked them."""

    __slots__ = ("_fields", "_labels", "_patterns")

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns
        self._fields = tuple((key, _Texts(texts)) for key, texts in patterns.items() if key in BUILT_IN_KEYS)
        self._labels = tuple(
            (key.removeprefix(LABEL_PREFIX), _Texts(texts))
            for key, texts in patterns.items()
            if key not in BUILT_IN_KEYS
        )

    def matches(self, identity: Identity) -> bool:
        """Whether all keys match; a matcher without keys matches everything."""
        for field, texts in self._fields:
            value: str = getattr(identity, field)
            if not value or not texts.match(value):
                return False
        for label, texts in self._labels:
            value = identity.labels.get(label, "")
            if not value or not texts.match(value):
                return False
        return True

    @property
    def slow_globs(self) -> int:
        """Number of patterns with ``?``, or with ``*`` before the end: comparing these takes longest."""
        texts = [text for key in self._patterns.values() for text in key]
        return sum(_is_glob(text) and not _is_prefix(text) for text in texts)

    def to_patterns(self) -> Patterns:
        """Return the patterns in the form of the contract, which ``parse_matcher`` reads again."""
        return dict(self._patterns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Matcher) and self._patterns == other._patterns

    def __hash__(self) -> int:
        return hash(tuple(self._patterns.items()))

    def __repr__(self) -> str:
        return f"Matcher({self._patterns})"


#: Matches everything.
EVERYTHING: Final = Matcher({})


def parse_matcher(value: object, built_in_keys: Collection[str] = BUILT_IN_KEYS) -> Matcher:
    """Return the matcher that ``value``, from YAML or JSON, describes.

    ``built_in_keys``: the built-in keys that make sense where the matcher is used.

    Raises:
        MatcherError: ``value`` is no matcher.
    """
    if not isinstance(value, dict):
        raise MatcherError("not_a_mapping", (), value)
    if len(value) > KEYS_LIMIT:
        raise MatcherError("too_many_keys", (), value)
    patterns: Patterns = {}
    for key, texts in value.items():
        name = _plain_key(key, built_in_keys)
        patterns[name] = (*patterns.get(name, ()), *_texts(key, name, texts))
    return Matcher(patterns)


def _plain_key(key: Any, built_in_keys: Collection[str]) -> str:
    if key in BUILT_IN_KEYS:
        if key not in built_in_keys:
            raise MatcherError("key_not_here", (key,), key)
        return str(key)
    label = key.removeprefix(LABEL_PREFIX) if isinstance(key, str) else ""
    if not LABEL_NAME.fullmatch(label):
        raise MatcherError("no_such_key", (key,), key)
    return label_key(label)


def _texts(key: str, name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        return (_text(name, value, (key,)),)
    if not value:
        raise MatcherError("no_patterns", (key,), value)
    if len(value) > PATTERNS_LIMIT:
        raise MatcherError("too_many_patterns", (key,), value)
    return tuple(_text(name, text, (key, number)) for number, text in enumerate(value))


def _text(name: str, value: object, position: Position) -> str:
    if not isinstance(value, str):
        raise MatcherError("not_a_text", position, value)
    if not value:
        raise MatcherError("empty", position, value)
    if len(value) > PATTERN_LENGTH:
        raise MatcherError("too_long", position, value)
    known = _KNOWN_VALUES.get(name)
    if known is not None and not any(map(_Texts([value]).match, known)):
        raise MatcherError("no_such_value", position, value)
    return value


def label_key(label: str) -> str:
    """Return the key of a label: its name, with a prefix if a built-in key has this name."""
    return f"{LABEL_PREFIX}{label}" if label in BUILT_IN_KEYS else label


def known_values(key: str) -> tuple[str, ...]:
    """Return the values that a built-in key can have; empty if any value is possible."""
    return _KNOWN_VALUES.get(key, ())


def _is_glob(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def _is_prefix(pattern: str) -> bool:
    return pattern.endswith("*") and not _is_glob(pattern[:-1])
