"""Whoever lets others reach the pages has to say whether they must sign in: the rule, and how it is asked for.

Standard library only, Python 3.9 and later: compose applies it on hosts without a venv.
"""

from ipaddress import ip_address

_LACKING = (
    "PUBLIC_HOST={host} lets others reach the pages, and nothing says whether they must sign in. "
    "One of two lines{place} says it:\n"
    "  {closed}   # everybody signs in; make a first user with: {user}\n"
    "  {open}   # whoever reaches the port sees everything"
)


def is_access_mode_missing(host: str, access: str) -> bool:
    """Whether others reach the pages on ``host``, and ``access`` says nothing of whether they must sign in."""
    return access in ("", "none") and not is_loopback(host)


def access_mode_instructions(host: str, user: str, line: str = "{}", place: str = "") -> str:
    """What people read where the choice is lacking.

    Args:
        host: the address of the pages.
        user: how people make a user where this runs.
        line: how they make the choice there; ``{}`` stands for the variable with its value.
        place: where the line goes, as `` in .env``; empty where it is a command.
    """
    closed, open_ = line.format("ACCESS=closed"), line.format("ACCESS=open")
    return _LACKING.format(host=host, place=place, user=user, closed=closed, open=open_.ljust(len(closed)))


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        # In brackets where a port follows, as compose wants it.
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
