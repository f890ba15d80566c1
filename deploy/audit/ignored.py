"""Advisories that do not matter here, each with the reason: lines of an id, or an alias of it, and a text."""

from pathlib import Path

from deploy.audit.bad_input import BadInputError

#: In the folder of the locks.
FILE = "audit-ignored.txt"


def ignored(folder: Path) -> dict[str, str]:
    """Reasons by id; empty where no such file is.

    Raises:
        BadInputError: the file cannot be read, or a line of it has no reason.
    """
    path = folder / FILE
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: {error}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split(maxsplit=1)
        if len(words) == 1:
            raise BadInputError(f"{path}:{number}: {words[0]} has no reason")
        if words:
            found[words[0]] = words[1].strip()
    return found
