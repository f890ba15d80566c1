"""What the documentation says to call beside ``make run`` can be called, and prints what the documentation says."""

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
#: What a fresh clone does not have.
_MADE_HERE = shutil.ignore_patterns(
    ".git", ".venv", ".*cache", "__pycache__", ".hypothesis", ".env", "node_modules", "data", "dist", "backups"
)


class Checkout:
    """A copy of this folder that is set up; its environment borrows the packages of the tests'."""

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

    def as_here(self, block: Block) -> Block:
        """The block with the port of this run instead of the usual one."""
        text, printed = (part and re.sub(r"\b8085\b", str(self.port), part) for part in (block.text, block.printed))
        return Block(block.where, block.language, block.mark, text or "", printed)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """One in which the one block runs that goes on until Ctrl-C, once it has printed what its page says."""
    checkout = Checkout(tmp_path_factory.mktemp("clone") / "dispycluster-live")
    [first] = map(checkout.as_here, blocks_marked("run: local, until Ctrl-C"))
    product = Process("documented", first.text.split(), checkout.environment, checkout.folder)
    product.start()
    try:

        def has_printed() -> bool:
            assert product.running, product.log()
            return not first.difference(product.log())

        eventually(has_printed, within_seconds=READY_SECONDS, what=first.printed or first.text)
        yield checkout
    finally:
        # As a terminal does, to all of its processes: make does not pass it on.
        os.killpg(product.pid, signal.SIGINT)
        product.wait(60)


LOCAL = blocks_marked("run: local")


@pytest.mark.parametrize("block", LOCAL, ids=[block.where for block in LOCAL])
def test_commands_do_what_the_page_says_beside_make_run(block: Block, checkout: Checkout) -> None:
    checkout.as_here(block).run(checkout.folder, checkout.environment)
