"""Licences as packages state them, as CycloneDX has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

#: Identifiers that packages spell as SPDX does. An ``id`` must be SPDX's; whatever is not here goes out as a ``name``.
_IDS = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
        "ISC",
        "LGPL-2.1-only",
        "LGPL-2.1-or-later",
        "MIT",
        "MPL-2.0",
        "PSF-2.0",
        "Unlicense",
        "Zlib",
    }
)
#: Names that stand for one licence and no other: "BSD License" and "Apache Software License" do not.
_SAME = {
    "MIT License": "MIT",
    "The MIT License": "MIT",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
}
#: Characters of a ``License`` field that is a name; longer ones are the licence itself.
_LONGEST_NAME = 100


def stated(*, expression: str, text: str, classifiers: Iterable[str]) -> tuple[dict[str, Any], ...]:
    """The entries of ``licenses``: one expression, or identifiers and names; empty where nothing is stated.

    Args:
        expression: ``License-Expression`` of a Python package (PEP 639), which comes before everything else.
        text: its ``License``; taken where it is a name, not a whole licence.
        classifiers: all of its classifiers, for where neither of these is there.
    """
    if expression and expression not in _IDS:
        return ({"expression": expression},)
    name = expression or text.strip()
    if name and "\n" not in name and len(name) <= _LONGEST_NAME and name.upper() != "UNKNOWN":
        return (_entry(name),)
    found = (re.fullmatch(r"License :: (?:OSI Approved :: )?(.+)", classifier.strip()) for classifier in classifiers)
    names = sorted({match[1] for match in found if match} - {"OSI Approved"})
    return tuple(_entry(name) for name in names)


def _entry(name: str) -> dict[str, Any]:
    known = _SAME.get(name, name)
    return {"license": {"id": known} if known in _IDS else {"name": name}}
