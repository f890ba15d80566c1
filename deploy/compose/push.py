"""``push``: all images to a registry, and the settings that make compose and kustomize take them from there."""

from __future__ import annotations

import re
from collections.abc import Mapping

from deploy.compose import images
from deploy.compose.dialogue import call, say
from deploy.compose.docker import Docker
from deploy.compose.preflight import require_engine
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble

#: What stands between the registry and an image's name; also what our manifests call the images.
OURS = "dispycluster"
#: Those that the product is made for; images of another one than the engine's carry it at the end of their tag.
ARCHITECTURES = ("amd64", "arm64")
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?"
_REGISTRY = re.compile(rf"{_HOST}(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")


def push(docker: Docker, given: str) -> None:
    """Give every image the registry's name and push it, for every architecture of which all images are here.

    Raises:
        Trouble: no registry is given, or it does not take the images.
    """
    registry = checked(given)
    require_engine(docker)
    project = Project.read(docker, everything=True)
    images.require(docker, project)
    prefix = f"{registry}/{OURS}"
    names = [image for image in project.images() if project.is_ours(image)]
    own = docker.architecture()
    foreign = [arch for arch in ARCHITECTURES if arch != own]
    others = [arch for arch in foreign if not images.missing(docker, [f"{image}-{arch}" for image in names])]
    for image in names:
        target = f"{prefix}/{project.image_name(image)}:{project.tag}"
        if not others:
            _push_one(docker, image, target, registry)
            continue
        parts = {own: f"{target}-{own}"} | {arch: f"{target}-{arch}" for arch in others}
        for arch, part in parts.items():
            _push_one(docker, image if arch == own else f"{image}-{arch}", part, registry)
        _push_together(docker, target, parts, registry)
    say(lines(prefix, project.tag, [project.image_name(image) for image in names]))
    for arch in foreign:
        if arch not in others:
            say(f"Nothing of this is for {arch}. To have it too: ARCH={arch} make images-offline, and push again.")


def _push_one(docker: Docker, image: str, target: str, registry: str) -> None:
    docker.tell("tag", image, target, trouble=f"{image} could not be given the name {target}")
    docker.show("push", target, trouble=f"{target} was not taken; why is said above. {remedy(registry)}")


def _push_together(docker: Docker, target: str, parts: Mapping[str, str], registry: str) -> None:
    """Make one name of the images of several architectures: who pulls it gets the one that fits."""
    trouble = f"{target} could not be put together. {remedy(registry)}"
    # What an attempt before this one left would be added to.
    docker.ask("manifest", "rm", target)
    docker.tell("manifest", "create", "--insecure", target, *parts.values(), trouble=trouble)
    for arch, part in parts.items():
        docker.tell("manifest", "annotate", "--os", "linux", "--arch", arch, target, part, trouble=trouble)
    docker.tell("manifest", "push", "--insecure", "--purge", target, trouble=trouble)


def checked(given: str) -> str:
    """A registry's address without what does not belong to it.

    Raises:
        Trouble: it is none.
    """
    registry = given.strip().rstrip("/")
    example = call("push", "REGISTRY=registry.lan:5000")
    if not registry:
        raise Trouble(f"Which registry? For instance: {example}")
    if "://" in registry:
        raise Trouble(f"REGISTRY={registry}: without {registry.partition('://')[0]}://. For instance: {example}")
    if not _REGISTRY.fullmatch(registry):
        raise Trouble(
            f"REGISTRY={registry} is no registry: it takes HOST, HOST:PORT or either with a path in small letters. "
            f"For instance: {example}"
        )
    return registry


def remedy(registry: str) -> str:
    """What helps most often."""
    host = registry.partition("/")[0]
    return (
        f"Where a login is needed: docker login {host}. "
        "Where the registry speaks plain HTTP: insecure-registries in /etc/docker/daemon.json."
    )


def lines(prefix: str, tag: str, names: list[str]) -> str:
    """The settings, to be copied."""
    entries = "".join(
        f'      - name: {OURS}/{name}\n        newName: {prefix}/{name}\n        newTag: "{tag}"\n' for name in names
    )
    return (
        f"\nPushed. For compose, in .env:\n\n    IMAGE_PREFIX={prefix}\n    IMAGE_TAG={tag}\n    PULL_POLICY=missing\n"
        f"\nFor Kubernetes, in kustomization.yaml:\n\n    images:\n{entries}"
    )
