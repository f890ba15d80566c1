"""Users and tokens of a deployment with closed access, by the commands that people are told; and browsers."""

from access.session import SessionSeal
from tests.drivers.deployment import Deployment
from tests.drivers.person import Person

PASSWORD = "a few words: 1842"


def command(deployment: Deployment, *words: str, given: str | None = None) -> str:
    """``docker compose run --rm -T api WORDS``."""
    return deployment.compose("run", "--rm", "-T", "api", *words, input_text=given)


def person_of(deployment: Deployment) -> Person:
    """A browser in which nobody is signed in."""
    key = deployment.execute("api", "cat", "/secrets/access/key")
    return Person(SessionSeal(key.encode()).cookie)


def signed_in(deployment: Deployment, origin: str, user: str = "ada") -> Person:
    """A browser in which somebody is signed in."""
    person = person_of(deployment)
    person.sign_in(origin, user, PASSWORD)
    return person
