"""Why a file that people edit cannot be read: the file itself, and its YAML. Where in the file, others say."""

from collector.said.sentence import aside, plural, sentence, size


@sentence
def file_missing() -> str:
    return "there is no such file"


@sentence
def file_is_no_file() -> str:
    return "it is not a file"


@sentence
def file_unreadable(error: str | None) -> str:
    return aside("it cannot be read", error)


@sentence
def file_too_long(limit_bytes: int) -> str:
    return f"it is longer than {size(limit_bytes)}"


@sentence
def file_not_utf8() -> str:
    return "it is not UTF-8 text"


# ``error`` is what the library for YAML says, in English.


@sentence
def yaml_invalid(error: str) -> str:
    return f"not YAML: {error}"


@sentence
def yaml_invalid_or_ipv6(error: str) -> str:
    return f'not YAML: {error} (an IPv6 address needs quotes, as in "[fd00::6]:9100")'


@sentence
def yaml_directive() -> str:
    return "a directive (%NAME) is not read here"


@sentence
def yaml_alias() -> str:
    return "an alias (*name) is not read here"


@sentence
def yaml_anchor() -> str:
    return "an anchor (&name) is not read here"


@sentence
def yaml_tag() -> str:
    return "a tag (!name) is not read here"


@sentence
def yaml_too_deep(limit: int) -> str:
    return f"more than {plural(limit, 'list or mapping', 'lists and mappings')} inside each other are not read"


@sentence
def yaml_text_too_long(limit: int) -> str:
    return f"a text of more than {plural(limit, 'character')} needs quotes"


@sentence
def yaml_too_many_values(limit: int) -> str:
    return f"more than {plural(limit, 'value')} are not read"
