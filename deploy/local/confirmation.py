"""Ask before something is replaced or deleted."""

import sys

from deploy.local.refusal import CannotStart


def confirmed(question: str) -> bool:
    """Ask, and return whether the answer was yes.

    Raises:
        CannotStart: there is nobody to answer.
    """
    print(f"{question} Type yes: ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise CannotStart(f"{question} Nobody said yes, so nothing of it was done.")
    return answer.strip().lower() == "yes"
