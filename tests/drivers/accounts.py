"""Users, tokens and browsers of a deployment with closed access."""

from access.session import SessionSeal
from tests.drivers.deployment import Deployment
from tests.drivers.person import Person

PASSWORD = "a few words: 1842"


def command(deployment: Deployment, *words: str, input_text: str | None = None) -> str:
    """Run ``docker compose run --rm -T api WORDS``."""
    return deployment.compose("run", "--rm", "-T", "api", *words, input_text=input_text)


def person_of(deployment: Deployment) -> Person:
    """Return a browser without a session."""
    key = deployment.execute("api", "cat", "/secrets/access/key")
    return Person(SessionSeal(key.encode()).cookie)


def signed_in(deployment: Deployment, origin: str, user: str = "ada") -> Person:
    """Return a browser in which ``user`` is signed in."""
    person = person_of(deployment)
    person.sign_in(origin, user, PASSWORD)
    return person
