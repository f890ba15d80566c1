"""The rule that ``ACCESS`` must be set when other machines can reach the pages, and its error message.

Standard library only, Python 3.9 and later: compose applies the rule on hosts without a venv.
"""

from ipaddress import ip_address

_LACKING = (
    "PUBLIC_HOST={host} lets other machines reach the pages, so ACCESS must be set. "
    "Choose one of these lines{place}:\n"
    "  {closed}   # everybody signs in; create the first user with: {user}\n"
    "  {open}   # anyone who reaches the port sees everything"
)


def is_access_mode_missing(host: str, access: str) -> bool:
    """Whether other machines reach the pages on ``host`` while ``ACCESS`` (``access``) is not set."""
    return access in ("", "none") and not is_loopback(host)


def access_mode_instructions(host: str, user: str, line: str = "{}", place: str = "") -> str:
    """Return the error message for a missing ``ACCESS``.

    Args:
        host: the address of the pages.
        user: the command that creates a user in this installation.
        line: how the setting is written; ``{}`` stands for the variable with its value.
        place: where the line goes, such as `` in .env``; empty for a command.
    """
    closed, open_ = line.format("ACCESS=closed"), line.format("ACCESS=open")
    return _LACKING.format(host=host, place=place, user=user, closed=closed, open=open_.ljust(len(closed)))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        # compose needs brackets around an IPv6 address before a port.
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
