"""What is in the images, and the documents that say so."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contract import VERSION
from deploy.compose.docker import Answer
from deploy.compose.go_modules import go_modules
from deploy.compose.installed import Image, inspect
from deploy.compose.licences import stated
from deploy.compose.packages import Package, System
from deploy.compose.project import Project
from deploy.compose.sbom import document, file_names, sbom, timestamp
from deploy.compose.trouble import Trouble
from tests.drivers.scripted_docker import CONFIG, ScriptedDocker, config
from tests.drivers.scripted_images import DEBIAN, archive, image_id, script_images

API = "dispycluster/api:0.3.0"
VENV = "opt/venv/lib/python3.11/site-packages"
#: What CycloneDX 1.6 asks of the parts that are written, and nothing besides them.
SCHEMA: dict[str, Any] = {
    "$defs": {
        "text": {"type": "string", "minLength": 1},
        "licence": {
            "oneOf": [
                {
                    "type": "object",
                    "required": ["license"],
                    "additionalProperties": False,
                    "properties": {
                        "license": {
                            "type": "object",
                            "minProperties": 1,
                            "maxProperties": 1,
                            "additionalProperties": False,
                            "properties": {
                                "id": {"enum": ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT"]},
                                "name": {"$ref": "#/$defs/text"},
                            },
                        }
                    },
                },
                {
                    "type": "object",
                    "required": ["expression"],
                    "additionalProperties": False,
                    "properties": {"expression": {"$ref": "#/$defs/text"}},
                },
            ]
        },
        "component": {
            "type": "object",
            "required": ["type", "name"],
            "additionalProperties": False,
            "properties": {
                "type": {"enum": ["application", "container", "library", "operating-system"]},
                "bom-ref": {"$ref": "#/$defs/text"},
                "name": {"$ref": "#/$defs/text"},
                "version": {"type": "string", "minLength": 1, "maxLength": 1024},
                "purl": {"type": "string", "pattern": "^pkg:[a-z]+/[^ ]+$"},
                "licenses": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/licence"}},
                "properties": {
                    "type": "array",
                    "items": {"type": "object", "required": ["name"], "additionalProperties": {"type": "string"}},
                },
            },
        },
    },
    "type": "object",
    "required": ["bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"],
    "additionalProperties": False,
    "properties": {
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "serialNumber": {"pattern": "^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
        "version": {"type": "integer", "minimum": 1},
        "metadata": {
            "type": "object",
            "required": ["component"],
            "additionalProperties": False,
            "properties": {
                "timestamp": {
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$"
                },
                "tools": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"components": {"type": "array", "items": {"$ref": "#/$defs/component"}}},
                },
                "component": {"$ref": "#/$defs/component"},
            },
        },
        "components": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/component"}},
        "dependencies": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["ref"],
                "additionalProperties": False,
                "properties": {"ref": {"type": "string"}, "dependsOn": {"type": "array", "uniqueItems": True}},
            },
        },
    },
}


@pytest.fixture
def docker(tmp_path: Path) -> ScriptedDocker:
    """With all images, each of one Debian package."""
    made = ScriptedDocker(tmp_path)
    made.script("image inspect", "sha256:1\n")
    script_images(made, default=archive(DEBIAN))
    return made


def read(docker: ScriptedDocker, files: dict[str, str | bytes], environment: list[str] | None = None) -> Image:
    """An image of these files."""
    script_images(docker, default=archive(files), environment=environment)
    return inspect(docker, API, docker.folder)


def purls(image: Image) -> list[str]:
    return [package.purl for package in image.packages]


def go_program(version: str, modules: str, before: bytes = b"") -> bytes:
    """A program with the record of a Go linker, at 64 bytes."""

    def string(data: bytes) -> bytes:
        return bytes([len(data) & 0x7F | 0x80, len(data) >> 7 & 0x7F | 0x80, len(data) >> 14]) + data

    framed = b"\x01" * 16 + modules.encode() + b"\x02" * 16 if modules else b""
    record = b"\xff Go buildinf:\x08\x02".ljust(32, b"\0") + string(version.encode()) + string(framed)
    return (b"\x7fELF" + before).ljust(64, b"\0") + record + b"\ndep\tbehind/it\tv9.0.0\n" * 2


def test_sbom_is_a_document_for_every_image(docker: ScriptedDocker, capsys: pytest.CaptureFixture[str]) -> None:
    # when
    sbom(docker, "")
    # then
    folder = docker.folder / "dist/sbom"
    names = ["api", "collector", "exporter", "gateway", "redis", "ws"]
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.cdx.json" for name in names]
    for name in names:
        written = json.loads((folder / f"{name}.cdx.json").read_text())
        assert written["metadata"]["component"] == {
            "type": "container",
            "bom-ref": f"dispycluster/{name}:0.3.0",
            "name": f"dispycluster/{name}",
            "version": "0.3.0",
            "properties": [{"name": "dispycluster:image-id", "value": image_id(f"dispycluster/{name}:0.3.0")}],
        }
    assert "\n  api.cdx.json: 1 deb\n" in capsys.readouterr().out
    assert [path.name for path in (docker.folder / "dist").iterdir()] == ["sbom"]


def test_sbom_leaves_no_document_of_former_images_behind(docker: ScriptedDocker) -> None:
    # given
    (docker.folder / "dist/sbom").mkdir(parents=True)
    (docker.folder / "dist/sbom/former.cdx.json").touch()
    (docker.folder / "dist/sbom/note.txt").touch()
    # when
    sbom(docker, "")
    # then
    assert not (docker.folder / "dist/sbom/former.cdx.json").exists()
    assert (docker.folder / "dist/sbom/note.txt").exists()


def test_sbom_takes_the_images_of_another_architecture_by_their_tag(docker: ScriptedDocker) -> None:
    # given
    def resolve(_: str) -> Answer:
        return Answer(0, json.dumps(CONFIG).replace(":0.3.0", f":{docker.variables.get('IMAGE_TAG', '0.3.0')}"))

    docker.react("compose --profile * config", resolve)
    # when
    sbom(docker, "arm64")
    # then
    written = json.loads((docker.folder / "dist/sbom/api.cdx.json").read_text())
    assert written["metadata"]["component"]["version"] == "0.3.0-arm64"


def test_sbom_that_cannot_be_written_is_a_sentence(docker: ScriptedDocker) -> None:
    (docker.folder / "dist").touch()
    with pytest.raises(Trouble, match="dist/sbom cannot be written: "):
        sbom(docker, "")


def test_container_is_never_started_and_removed_with_its_volumes(docker: ScriptedDocker) -> None:
    # when
    inspect(docker, API, docker.folder)
    # then
    [create] = docker.called("create")
    name = create.split()[2]
    assert create == f"create --name {name} {image_id(API)} nothing"
    assert docker.calls[-2:] == [f"export {name}", f"rm --force --volumes {name}"]
    assert list(docker.folder.iterdir()) == []


@pytest.mark.parametrize("words", ["create", "export"])
def test_container_is_removed_when_interrupted(docker: ScriptedDocker, words: str) -> None:
    # given
    def interrupted(_: str) -> Answer:
        raise KeyboardInterrupt

    docker.react(words, interrupted)
    # when
    with pytest.raises(KeyboardInterrupt):
        sbom(docker, "")
    # then
    assert docker.calls[-1] == f"rm --force --volumes {docker.called('create')[0].split()[2]}"
    assert list((docker.folder / "dist/sbom").iterdir()) == []
    assert [path.name for path in (docker.folder / "dist").iterdir()] == ["sbom"]


@pytest.mark.parametrize(
    ("words", "out", "code"), [("create", "", 1), ("export", "", 1), ("export", "no archive at all", 0)]
)
def test_image_that_cannot_be_read_is_named(docker: ScriptedDocker, words: str, out: str, code: int) -> None:
    docker.script(words, out, code=code)
    with pytest.raises(Trouble, match=re.escape(f"dispycluster/api:{VERSION}")):
        inspect(docker, API, docker.folder)
    assert docker.calls[-1].startswith("rm --force")


def test_image_without_any_package_is_an_error_that_names_it(docker: ScriptedDocker) -> None:
    # given
    former = docker.folder / "dist/sbom/api.cdx.json"
    former.parent.mkdir(parents=True)
    former.write_text("of before")
    bare = archive({"etc/os-release": "ID=debian\n", "bin/true": b"\x7fELF", "var/lib/dpkg/status": ""})
    script_images(
        docker, {"dispycluster/ws:0.3.0": bare}, default=archive(DEBIAN), environment=["PYTHON_VERSION=3.11.9"]
    )
    # then
    with pytest.raises(Trouble, match=re.escape(f"No package is found in dispycluster/ws:{VERSION}")):
        sbom(docker, "")
    assert former.read_text() == "of before"


def test_debian_packages_are_those_that_are_installed(docker: ScriptedDocker) -> None:
    # given
    status = """Package: libstdc++6
Status: install ok installed
Source: gcc-12 (12.2.0-14)
Version: 12.2.0-14+b1
Architecture: amd64
Description: the library
 Package: not this line

Package: gone
Status: deinstall ok config-files
Version: 1
Architecture: all

Package: broken
Status: install reinstreq half-installed
Version: 1
Architecture: all

Package: tzdata
Status: install ok installed
Version: 1:2026a-0~deb12u1
Architecture: all
"""
    # when
    image = read(docker, DEBIAN | {"var/lib/dpkg/status": status})
    # then
    assert purls(image) == [
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bb1?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14",
        "pkg:deb/debian/tzdata@1:2026a-0~deb12u1?arch=all&distro=debian-12",
    ]
    assert [(package.name, package.version) for package in image.packages] == [
        ("libstdc++6", "12.2.0-14+b1"),
        ("tzdata", "1:2026a-0~deb12u1"),
    ]


def test_debian_packages_of_images_without_a_package_manager_have_a_file_each(docker: ScriptedDocker) -> None:
    image = read(
        docker,
        {
            "./usr/lib/os-release": "ID=debian\nVERSION_ID=13\n",
            "./var/lib/dpkg/status.d/base": "Package: base-files\nVersion: 13\nArchitecture: amd64\n",
            "./var/lib/dpkg/status.d/base.md5sums": "Package: no\n",
        },
    )
    assert image.system == System("debian", "13")
    assert purls(image) == ["pkg:deb/debian/base-files@13?arch=amd64&distro=debian-13"]


def test_alpine_packages_come_with_their_licence(docker: ScriptedDocker) -> None:
    listed = (
        "C:Q1abc=\nP:busybox\nV:1.36.1-r2\nA:x86_64\nL:GPL-2.0-only\nF:bin\nR:busybox\n\nP:musl\nV:1.2\nA:x86_64\n\n"
    )
    image = read(docker, {"etc/os-release": "ID=alpine\nVERSION_ID=3.20.1\n", "lib/apk/db/installed": listed})
    assert purls(image) == [
        "pkg:apk/alpine/busybox@1.36.1-r2?arch=x86_64&distro=alpine-3.20.1",
        "pkg:apk/alpine/musl@1.2?arch=x86_64&distro=alpine-3.20.1",
    ]
    assert [package.licences for package in image.packages] == [({"license": {"id": "GPL-2.0-only"}},), ()]


def test_python_packages_are_those_of_the_virtual_environment_and_not_debians(docker: ScriptedDocker) -> None:
    def metadata(name: str, version: str) -> str:
        return f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense: MIT\n\nName: é, a description\n"

    image = read(
        docker,
        {
            f"{VENV}/Prometheus_Client-0.26.dist-info/METADATA": metadata("Prometheus_Client", "0.26+local"),
            f"{VENV}/flask/vendored-1.dist-info/METADATA": metadata("vendored", "1"),
            "usr/local/lib/python3.11/site-packages/pip-24.0.dist-info/METADATA": metadata("pip", "24.0"),
            f"{VENV}/nameless-1.dist-info/METADATA": "Version: 1\n",
            "usr/lib/python3/dist-packages/six-1.16.dist-info/METADATA": metadata("six", "1.16"),
        },
    )
    assert purls(image) == ["pkg:pypi/pip@24.0", "pkg:pypi/prometheus-client@0.26%2Blocal"]
    assert image.packages[1].name == "Prometheus_Client"
    assert image.packages[1].licences == ({"license": {"id": "MIT"}},)


@pytest.mark.parametrize(
    ("expression", "text", "classifiers", "expected"),
    [
        ("MIT", "BSD", ["License :: OSI Approved :: ISC License (ISCL)"], [{"license": {"id": "MIT"}}]),
        ("MIT AND PSF-2.0", "", [], [{"expression": "MIT AND PSF-2.0"}]),
        ("LicenseRef-Own", "", [], [{"expression": "LicenseRef-Own"}]),
        ("", "Apache-2.0", ["License :: OSI Approved"], [{"license": {"id": "Apache-2.0"}}]),
        ("", "Apache 2", [], [{"license": {"name": "Apache 2"}}]),
        ("", "UNKNOWN", [], []),
        ("", "", ["Topic :: Internet", "License :: OSI Approved"], []),
        ("", "Copyright\nall of it", ["License :: OSI Approved :: MIT License"], [{"license": {"id": "MIT"}}]),
        ("", "a" * 101, [], []),
        (
            "",
            "",
            ["License :: OSI Approved :: ISC License (ISCL)", "License :: OSI Approved :: BSD License"],
            [{"license": {"name": "BSD License"}}, {"license": {"id": "ISC"}}],
        ),
        ("", "", ["License :: Public Domain"], [{"license": {"name": "Public Domain"}}]),
    ],
)
def test_licence_is_taken_from_where_it_is_stated_best(
    expression: str, text: str, classifiers: list[str], expected: list[dict[str, Any]]
) -> None:
    assert list(stated(expression=expression, text=text, classifiers=classifiers)) == expected


def test_libraries_of_the_dashboard_are_read_from_its_list_of_licences(docker: ScriptedDocker) -> None:
    listed = "@socket.io/component-emitter 3.1.2\n\nVersion 2.0\nsee https://x 1.2.3 here\n\nuplot 1.6.32\n"
    image = read(docker, DEBIAN | {"app/api/static/dashboard.licenses.txt": listed})
    assert purls(image)[1:] == ["pkg:npm/%40socket.io/component-emitter@3.1.2", "pkg:npm/uplot@1.6.32"]


def test_libraries_of_the_dashboard_as_it_is_committed_are_found(docker: ScriptedDocker) -> None:
    [path] = (Path(__file__).parents[3] / "services/api/static").glob("*.licenses.txt")
    image = read(docker, {f"app/api/static/{path.name}": path.read_bytes()})
    assert {"socket.io-client", "uplot"} <= {package.name for package in image.packages}


def test_program_in_go_says_what_it_is_made_of(docker: ScriptedDocker) -> None:
    # given
    modules = (
        "path\tgithub.com/prometheus/node_exporter\n"
        "mod\tgithub.com/prometheus/node_exporter\t(devel)\t\n"
        "dep\tgithub.com/Masterminds/x/v3\tv3.2.0\th1:abc=\n"
        "dep\tgithub.com/old/y\tv1.0.0\n"
        "=>\tgithub.com/new/y\tv1.0.1\th1:def=\n"
        "dep\texample.org/here\tv0.3.0\n"
        "=>\t./here\t(devel)\t\n"
        "build\t-compiler=gc\n"
    )
    program = go_program("go1.24.3 X:nocoverageredesign", modules)
    # when
    image = read(
        docker,
        {
            "bin/node_exporter": program,
            "bin/script": b"#!/" + go_program("go1.1", "")[3:],
            "share/no-program": go_program("go1.2", ""),
        },
    )
    # then
    assert purls(image) == [
        "pkg:golang/example.org/here@v0.3.0",
        "pkg:golang/github.com/masterminds/x/v3@v3.2.0",
        "pkg:golang/github.com/new/y@v1.0.1",
        "pkg:golang/github.com/prometheus/node_exporter",
        "pkg:golang/stdlib@1.24.3",
    ]
    assert "version" not in document(image)["components"][3]


def test_program_in_go_that_was_built_without_modules_has_its_standard_library() -> None:
    assert [package.purl for package in go_modules(go_program("go1.19.8", ""))] == ["pkg:golang/stdlib@1.19.8"]


def test_program_in_go_may_be_made_of_many_modules() -> None:
    listed = [f"example.org/module{number}" for number in range(1000)]
    program = go_program("go1.24.3", "".join(f"dep\t{path}\tv1.0.0\th1:abc=\n" for path in listed))
    assert ["/".join((*package.namespace, package.name)) for package in go_modules(program)][1:] == listed


def test_program_in_go_may_have_the_record_s_beginning_among_its_constants() -> None:
    program = go_program("go1.24.3", "", before=b"x\xff Go buildinf:\x08\x02")
    assert [package.version for package in go_modules(program)] == ["1.24.3"]


@pytest.mark.parametrize("length", [4, 78, 80, 96, 97, 100])
def test_program_that_is_not_whole_or_not_in_go_says_nothing_wrong(length: int) -> None:
    found = list(go_modules(go_program("go1.24.3", "dep\ta/b\tv1.0.0\n" * 20)[:length]))
    assert all(package.name == "stdlib" for package in found)


def test_programs_that_an_image_built_itself_are_known_by_its_variables(docker: ScriptedDocker) -> None:
    image = read(docker, dict(DEBIAN), ["PATH=/bin", "HAPROXY_VERSION=3.2.15", "VALKEY_VERSION="])
    assert purls(image)[1:] == ["pkg:generic/haproxy@3.2.15"]
    assert document(image)["components"][-1]["type"] == "application"


@pytest.mark.parametrize("missing", [[], ["etc/os-release"]])
def test_document_is_as_cyclonedx_1_6_wants_it(docker: ScriptedDocker, missing: list[str]) -> None:
    # given
    files: dict[str, str | bytes] = {
        **DEBIAN,
        f"{VENV}/a.dist-info/METADATA": "Name: a\nVersion: 1\nLicense-Expression: MIT OR ISC\n",
        f"{VENV}/b.dist-info/METADATA": "Name: b\nVersion: 1\nLicense: MIT\n",
        f"{VENV}/c.dist-info/METADATA": "Name: c\nVersion: 1\nLicense: mine\n",
        f"{VENV}/d.dist-info/METADATA": "Name: d\n",
        "bin/go": go_program("go1.24.3", "mod\tgithub.com/x/y\t(devel)\n"),
    }
    for path in missing:
        del files[path]
    # when
    written = document(read(docker, files, ["HAPROXY_VERSION=3.2.15"]))
    # then
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    references = [entry["bom-ref"] for entry in written["components"]]
    assert len(references) == len(set(references)) == 8 + (not missing)
    assert written["dependencies"] == [{"ref": API, "dependsOn": references}]
    assert ("operating-system" in {entry["type"] for entry in written["components"]}) == (not missing)


def test_document_is_the_same_for_the_same_image(docker: ScriptedDocker) -> None:
    # given
    files: dict[str, str | bytes] = {**DEBIAN, f"{VENV}/b.dist-info/METADATA": "Name: b\nVersion: 1\n"}
    first = document(read(docker, files))
    # when
    again = document(read(docker, dict(reversed(files.items()))))
    other = document(read(docker, {**files, f"{VENV}/b.dist-info/METADATA": "Name: b\nVersion: 2\n"}))
    # then
    assert json.dumps(again) == json.dumps(first)
    assert first["metadata"]["timestamp"] == "2026-11-28T04:07:45Z"
    assert other["serialNumber"] != first["serialNumber"]


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2026-11-28T04:07:45.729656567Z", "2026-11-28T04:07:45Z"),
        ("2026-11-28T04:07:45+01:00", "2026-11-28T04:07:45+01:00"),
        ("0001-01-01T00:00:00Z", ""),
        ("", ""),
        ("N/A", ""),
    ],
)
def test_time_is_that_of_the_image_as_far_as_it_has_one(created: str, expected: str) -> None:
    assert timestamp(created) == expected
    image = Image(API, "sha256:1", created, System(), (Package("pypi", "a", "1"),))
    assert ("timestamp" in document(image)["metadata"]) == bool(expected)


def test_images_of_the_same_name_have_documents_of_their_own(tmp_path: Path) -> None:
    resolved = config(cache={"image": "mirror.lan:5000/library/redis:7.2"}, proxy={"image": "nginx"})
    names = file_names(Project.parse(resolved, tmp_path))
    assert names["nginx"] == "nginx.cdx.json"
    assert names["dispycluster/redis:0.3.0"] == "dispycluster_redis_0.3.0.cdx.json"
    assert names["mirror.lan:5000/library/redis:7.2"] == "mirror.lan_5000_library_redis_7.2.cdx.json"
