"""The documented commands for the containers work and print the documented output."""

import pytest

from tests.drivers.deployment import Deployment
from tests.drivers.documented import Block, blocks_marked
from tests.drivers.process import ROOT

BLOCKS = blocks_marked("run: compose")


@pytest.mark.parametrize("block", BLOCKS, ids=[block.where for block in BLOCKS])
def test_command_prints_the_documented_output_beside_containers(block: Block, deployment: Deployment) -> None:
    block.run(ROOT, deployment.environment)
