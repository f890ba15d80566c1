"""A package, and the files in which package managers write down what they have installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from typing import Any
from urllib.parse import quote

from deploy.compose import licences

#: A library and its version as the dashboard's build lists them, for instance ``uplot 1.6.32``.
_LISTED = re.compile(r"((?:@[\w.-]+/)?[\w.-]+) (\d+\.\d+\.\d+\S*)")


@dataclass(frozen=True)
class System:
    """What ``/etc/os-release`` calls itself; both are empty where it is not there."""

    name: str = ""
    version: str = ""

    @property
    def release(self) -> str:
        """For instance ``debian-12``; empty where not both are known."""
        return f"{self.name}-{self.version}" if self.name and self.version else ""


@dataclass(frozen=True)
class Package:
    """Something with a name and a version; ``version`` is empty where it is not stated."""

    #: The kind of package URL: ``deb``, ``apk``, ``pypi``, ``npm``, ``golang``, ``generic``.
    kind: str
    name: str
    version: str
    #: Parts of the package URL before the name, for instance ``("debian",)``.
    namespace: tuple[str, ...] = ()
    qualifiers: tuple[tuple[str, str], ...] = ()
    #: As CycloneDX has them under ``licenses``.
    licences: tuple[dict[str, Any], ...] = ()

    @property
    def purl(self) -> str:
        """The package URL. Source: https://github.com/package-url/purl-spec."""
        path = "/".join(_quoted(part) for part in (*self.namespace, _spelled(self.kind, self.name)))
        version = f"@{_quoted(self.version)}" if self.version else ""
        rest = "&".join(f"{key}={_quoted(value)}" for key, value in sorted(self.qualifiers) if value)
        return f"pkg:{self.kind}/{path}{version}" + (f"?{rest}" if rest else "")


def system(text: str) -> System:
    """Take ``/etc/os-release``."""
    values = dict(re.findall(r"^(\w+)=[\"']?([^\"'\n]*)", text, re.MULTILINE))
    return System(values.get("ID", ""), values.get("VERSION_ID", ""))


def debian(text: str, of: System) -> Iterator[Package]:
    """Those of ``/var/lib/dpkg/status`` that are installed, or all of a file of ``status.d``, which has no states."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", paragraph, re.MULTILINE))
        if "Package" in fields and fields.get("Status", "ok installed").endswith(" installed"):
            # Advisories speak of the source package. Scanners look for it, and for the release, in these qualifiers.
            source = re.sub(r" \((.*)\)", r"@\1", fields.get("Source", ""))
            yield Package(
                "deb",
                fields["Package"],
                fields.get("Version", ""),
                (of.name or "debian",),
                (("arch", fields.get("Architecture", "")), ("distro", of.release), ("upstream", source)),
            )


def alpine(text: str, of: System) -> Iterator[Package]:
    """Those of ``/lib/apk/db/installed``."""
    for paragraph in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Z]):(.*)$", paragraph, re.MULTILINE))
        if "P" in fields:
            yield Package(
                "apk",
                fields["P"],
                fields.get("V", ""),
                (of.name or "alpine",),
                (("arch", fields.get("A", "")), ("distro", of.release)),
                licences.stated(expression="", text=fields.get("L", ""), classifiers=[]),
            )


def python(text: str) -> Iterator[Package]:
    """The one that a ``METADATA`` of a ``*.dist-info`` folder describes."""
    fields: Message = HeaderParser().parsestr(text)
    if fields["Name"]:
        yield Package(
            "pypi",
            str(fields["Name"]).strip(),
            str(fields["Version"] or "").strip(),
            licences=licences.stated(
                expression=str(fields["License-Expression"] or ""),
                text=str(fields["License"] or ""),
                classifiers=[str(value) for value in fields.get_all("Classifier", [])],
            ),
        )


def npm(text: str) -> Iterator[Package]:
    """What the dashboard's script is made of, from the list of licences that its build writes beside it."""
    for line in text.splitlines():
        listed = _LISTED.fullmatch(line)
        if listed:
            scope, slash, name = listed[1].rpartition("/")
            yield Package("npm", name, listed[2], (scope,) if slash else ())


def _spelled(kind: str, name: str) -> str:
    """The name as package URLs of its kind have it."""
    return name.lower().replace("_", "-") if kind == "pypi" else name


def _quoted(text: str) -> str:
    return quote(text, safe=":")
