"""The documented commands for ``make run`` work and print the documented output."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers.documented import Block, blocks_marked
from tests.drivers.ports import free_port, inner_ports
from tests.drivers.process import ROOT, Process
from tests.drivers.waiting import eventually

READY_SECONDS = 100.0
#: Files that a fresh clone lacks.
_MADE_HERE = shutil.ignore_patterns(
    ".git", ".venv", ".*cache", "__pycache__", ".hypothesis", ".env", "node_modules", "data", "dist", "backups"
)


class Checkout:
    """A copy of this folder after set-up; its environment uses the packages of the tests'."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self.environment |= {"HOME": str(folder.parent), "PYTHONPATH": "", "PORT": str(self.port), **inner_ports()}
        shutil.copytree(ROOT, folder, symlinks=True, ignore=_MADE_HERE)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
        scripts = folder / ".venv" / "bin"
        [site_packages] = (folder / ".venv" / "lib").glob("python*/site-packages")
        paths = [str(folder), str(folder / "services"), sysconfig.get_path("purelib")]
        (site_packages / "paths.pth").write_text("\n".join(paths))
        command = scripts / "dispycluster"
        command.write_text(
            f"#!{scripts}/python\nimport sys\nfrom dispycluster.__main__ import main\nsys.exit(main())\n"
        )
        command.chmod(0o755)
        code = "import bootstrap as b; [b.stamp(files).touch() for files in (b.RUN, b.RUN_WITH_VALKEY, b.DEV)]"
        subprocess.run([scripts / "python", "-c", code], cwd=folder / "deploy" / "local", check=True)

    def with_own_port(self, block: Block) -> Block:
        """Return the block with the port of this run instead of the default."""
        text, printed = (part and re.sub(r"\b8085\b", str(self.port), part) for part in (block.text, block.printed))
        return Block(block.where, block.language, block.mark, text or "", printed)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout with the running block that lasts until Ctrl-C, after its documented output."""
    checkout = Checkout(tmp_path_factory.mktemp("clone") / "dispycluster-live")
    [first] = map(checkout.with_own_port, blocks_marked("run: local, until Ctrl-C"))
    product = Process("documented", first.text.split(), checkout.environment, checkout.folder)
    product.start()
    try:

        def has_printed() -> bool:
            assert product.running, product.log()
            return not first.difference(product.log())

        eventually(has_printed, within_seconds=READY_SECONDS, what=first.printed or first.text)
        yield checkout
    finally:
        # To all processes, like a terminal: make does not forward the signal.
        os.killpg(product.pid, signal.SIGINT)
        product.wait(60)


LOCAL = blocks_marked("run: local")


@pytest.mark.parametrize("block", LOCAL, ids=[block.where for block in LOCAL])
def test_command_prints_the_documented_output_beside_make_run(block: Block, checkout: Checkout) -> None:
    checkout.with_own_port(block).run(checkout.folder, checkout.environment)
