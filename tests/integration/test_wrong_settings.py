"""A wrong setting is named in an error, and running services keep running."""

import json

import pytest

from deploy.compose.docker import Docker
from deploy.compose.terminal import CommandFailed
from deploy.compose.up import up
from runtime.catalogue import CONTAINERS, PUBLIC_HOST, REDIS_CA_FILE, of_service
from tests.drivers.deployment import SERVICES, Deployment
from tests.drivers.wrong_settings import all_wrong_in, wrong_in


def ids(deployment: Deployment) -> dict[str, list[str]]:
    """Return the containers of each service."""
    return {service: [str(one.id) for one in deployment.containers(service)] for service in SERVICES}


def test_page_stays_up_while_wrong_settings_are_refused(deployment: Deployment) -> None:
    before = ids(deployment)
    with deployment.requesting("/") as codes:
        for wrong in wrong_in(CONTAINERS):
            with pytest.raises(CommandFailed) as refused:
                up(Docker(deployment.root, {**deployment.environment, **wrong.variables}))
            assert f"{wrong.name}=" in str(refused.value)
            assert wrong.takes in str(refused.value)
    assert len(codes) > 20
    assert set(codes) == {200}
    assert ids(deployment) == before


def test_missing_folder_is_named_and_not_created(deployment: Deployment) -> None:
    missing = deployment.config / "missing"
    with pytest.raises(CommandFailed, match="CONFIG_DIR="):
        up(Docker(deployment.root, {**deployment.environment, "CONFIG_DIR": str(missing)}))
    assert not missing.exists()


#: A host name is valid outside containers, and a CA file is checked only with a URL that needs it.
LEFT_OUT = {PUBLIC_HOST.name, REDIS_CA_FILE.name}
#: Variables that the start scripts of images without our Python check.
OF_SCRIPTS = {
    "gateway": {"LOG_FORMAT", "LOG_LEVEL", "TLS_HSTS_SECONDS", "GATEWAY_MAXCONN"},
    "redis": {"REDIS_MAXMEMORY", "REDIS_APPENDFSYNC"},
}


@pytest.mark.parametrize("service", ["api", "ws", "collector", "gateway", "redis"])
def test_container_started_by_compose_alone_names_its_wrong_settings(deployment: Deployment, service: str) -> None:
    read = OF_SCRIPTS.get(service, {setting.name for setting in of_service(service)} - LEFT_OUT)
    given = json.loads(deployment.compose("config", "--format", "json"))["services"][service]["environment"]
    wrong = {name: value for name, value in all_wrong_in(CONTAINERS).items() if name in read & set(given)}
    assert len(wrong) > 1
    options = [word for name, value in wrong.items() for word in ("--env", f"{name}={value}")]
    output = deployment.compose("run", "--rm", "--no-deps", "-T", *options, service, check=False)
    assert [name for name in wrong if name not in output] == []
