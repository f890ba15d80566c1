"""Why an answer cannot be given now, as sentences that tell people what to do."""

from contract.messages import Timestamp


class Unavailable(Exception):
    """The answer may be there later; the text is for people."""


class NothingStored(Unavailable):
    """Redis answers, and holds nothing under the key."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Nothing is stored under {key} yet. Is the collector running, with the same REDIS_URL as the api? "
            "It publishes within seconds of its start."
        )


class StoredInvalid(Unavailable):
    """What the key holds is not what the collector writes there."""

    def __init__(self, key: str, reason: str) -> None:
        remedy = "The collector's next round replaces it; if it stays, something else writes to this Redis."
        if "permissions" in reason:
            remedy = "Give the Redis users of the api and the collector the rules of this release."
        super().__init__(f"What is stored under {key} cannot be read: {reason}. {remedy}")


class NothingKnown(Unavailable):
    """Redis is away, and this process has not read from it what is asked for."""

    def __init__(self, down_since: Timestamp | None) -> None:
        since = f" since {down_since}" if down_since else ""
        super().__init__(
            f"Redis does not answer{since}, and this was not read from it before. "
            "Check that Redis runs and that REDIS_URL names it."
        )
