"""The Raspberry Pi's images: the compose stack comes up from them, and push reaches a client. `make test-arm64`."""

from contract import VERSION
from contract.names import ALERTS_CHANNEL
from tests.drivers.deployment import Deployment
from tests.drivers.fleet import listening, published_numbers
from tests.drivers.waiting import eventually

#: Emulation is about ten times slower than the board.
PATIENCE_SECONDS = 180


def test_push_reaches_clients_when_the_stack_is_made_of_arm64_images() -> None:
    deployment = Deployment(replicas=1, IMAGE_TAG=f"{VERSION}-arm64", COLLECTOR_SCRAPE_INTERVAL_SECONDS="5")
    try:
        deployment.up()
        for service in ("api", "ws", "collector"):
            assert deployment.python(service, "import os; print(os.uname().machine)").strip() == "aarch64"
        eventually(
            lambda: set(deployment.statuses().values()) == {"online"}, within_seconds=PATIENCE_SECONDS, what="the host"
        )
        assert deployment.snapshot()["nodes"][0]["memory_total_bytes"]
        with listening(deployment, 10) as listeners:
            deployment.publish(ALERTS_CHANNEL, ({"number": number} for number in range(10)))
            eventually(
                lambda: all(got == list(range(10)) for got in published_numbers(listeners)),
                within_seconds=PATIENCE_SECONDS,
                what="ten messages at ten clients",
            )
        assert deployment.rest.get("/").status_code == 200
    finally:
        deployment.close()
