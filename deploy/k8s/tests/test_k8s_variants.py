"""The default, each component and all together render without a warning, and nothing is wrong with them."""

from pathlib import Path

import pytest

from deploy.k8s.check import __main__ as command
from deploy.k8s.check.assertions import asserted
from deploy.k8s.check.environment import settings_are_those_of_the_user
from deploy.k8s.check.folder import COMPONENTS
from deploy.k8s.check.lint import Lint
from deploy.k8s.check.pods import pods
from deploy.k8s.check.rendering import RenderingError, kustomize, overlay, parse, render
from deploy.k8s.check.schemas import OLDEST, newest, validated
from deploy.k8s.check.variables import values
from deploy.k8s.check.variants import EXAMPLE, HOST, Variant, variants
from deploy.k8s.tests.conftest import Rendered

VARIANTS = {variant.name: variant for variant in variants()}


@pytest.mark.parametrize("name", VARIANTS)
def test_variant_is_as_it_should_be(rendered: Rendered, name: str) -> None:
    documents = rendered(name)
    assert [*map(str, validated(documents)), *map(str, asserted(documents, VARIANTS[name]))] == []


def test_every_component_is_rendered_alone_and_with_all_others() -> None:
    names = {path.name for path in COMPONENTS.iterdir() if path.is_dir()}
    assert {variant.components for variant in variants()} >= {(), *((name,) for name in names), tuple(sorted(names))}


def test_newest_schemas_are_newer_than_the_oldest_supported() -> None:
    assert int(newest().split(".")[1]) > int(OLDEST.split(".")[1])


def test_setting_of_the_user_that_does_not_win_is_found(rendered: Rendered) -> None:
    found = settings_are_those_of_the_user(rendered("default"), [("CLUSTER_NAME", "cluster"), ("LOG_LEVEL", "DEBUG")])
    assert {str(finding) for finding in found} == {
        f"Deployment/{name}: LOG_LEVEL is 'INFO', and the user has set 'DEBUG'" for name in ("api", "ws", "collector")
    }


def test_example_has_the_host_of_its_user(rendered: Rendered) -> None:
    ingress = next(document for document in rendered(EXAMPLE.name) if document["kind"] == "Ingress")
    assert str(ingress).count(HOST) == 2


@pytest.mark.parametrize("name", VARIANTS)
def test_variant_asks_everybody_to_sign_in_where_it_has_an_ingress_or_its_user_says_so(
    rendered: Rendered, name: str
) -> None:
    documents, variant = rendered(name), VARIANTS[name]
    is_closed = "ingress" in variant.components or ("ACCESS", "closed") in variant.settings
    modes = {
        pod.name: values(documents, pod, pod.lasting[0])["ACCESS"]
        for pod in pods(documents)
        if pod.name in ("api", "ws")
    }
    assert modes == dict.fromkeys(("api", "ws"), "closed" if is_closed else "open")


# Rendering


@pytest.fixture
def path_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_overlay_names_folders_by_relative_paths(tmp_path: Path) -> None:
    text = parse(overlay(Variant("x", ("demo",)), tmp_path))[0]
    for path in (*text["resources"], *text["components"]):
        assert not Path(path).is_absolute()
        assert (tmp_path / path / "kustomization.yaml").is_file()


def test_rendering_says_in_one_line_what_to_install_where_there_is_no_kustomize(path_of: Path) -> None:
    with pytest.raises(RenderingError, match="install kubectl") as error:
        kustomize()
    assert "\n" not in str(error.value)


def test_rendering_takes_kustomize_where_there_is_no_kubectl(path_of: Path) -> None:
    program(path_of / "kustomize", 'echo "kind: $1"')
    assert render(VARIANTS["default"]) == "kind: build\n"


@pytest.mark.parametrize("end", [0, 1])
def test_rendering_fails_when_kustomize_warns(path_of: Path, end: int) -> None:
    program(path_of / "kubectl", f"echo '# Warning: commonLabels is deprecated' >&2; exit {end}")
    with pytest.raises(RenderingError, match="commonLabels is deprecated"):
        render(VARIANTS["default"])


# The command


@pytest.fixture
def unlinted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variant, without a linter."""
    monkeypatch.setattr(command, "variants", lambda: [VARIANTS["prometheus"]])
    monkeypatch.setattr(command, "get_lint", lambda: Lint(None))


@pytest.mark.usefixtures("unlinted")
def test_command_says_a_line_for_a_variant_and_ends_with_0(
    rendered: Rendered, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(rendered("prometheus"))
    assert command.main() == 0
    assert capsys.readouterr().out.splitlines()[1:] == [f"k8s: prometheus: {count} objects, good"]


@pytest.mark.usefixtures("unlinted")
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("targetPort: http", "targetPort: https", "  Service/api: Deployment/api has no port https"),
        ("dispycluster/ws:", "dispycluster/ws:latest-", "  Deployment/ws: the image dispycluster/ws:latest-"),
        ("dispycluster/ws:", "dispycluster/web:", "  Deployment/ws: the image dispycluster/web:"),
        (
            "secretName: redis-passwords",
            "secretName: redis-password",
            "  Deployment/api: there is no Secret redis-password",
        ),
        ("minReadySeconds", "minReadySecond", "  Deployment/api: Kubernetes 1.28: spec: Additional properties"),
    ],
)
def test_command_names_the_object_and_ends_with_1(
    rendered: Rendered,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    right: str,
    wrong: str,
    said: str,
) -> None:
    good = render(VARIANTS["prometheus"])
    assert right in good
    monkeypatch.setattr(command, "render", lambda variant: good.replace(right, wrong))
    assert command.main() == 1
    assert any(line.startswith(said) for line in capsys.readouterr().out.splitlines())


@pytest.mark.usefixtures("unlinted")
def test_command_ends_with_1_when_a_variant_cannot_be_rendered(
    rendered: Rendered, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(variant: Variant) -> str:
        raise RenderingError("accumulating resources")

    monkeypatch.setattr(command, "render", fail)
    assert command.main() == 1
    assert "  kustomize: accumulating resources" in capsys.readouterr().out
