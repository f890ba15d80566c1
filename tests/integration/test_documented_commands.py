"""What the documentation says to call beside the containers can be called, and prints what the documentation says."""

import pytest

from tests.drivers.deployment import Deployment
from tests.drivers.documented import Block, blocks_marked
from tests.drivers.process import ROOT

BLOCKS = blocks_marked("run: compose")


@pytest.mark.parametrize("block", BLOCKS, ids=[block.where for block in BLOCKS])
def test_commands_do_what_the_page_says_beside_containers(block: Block, deployment: Deployment) -> None:
    block.run(ROOT, deployment.environment)
