"""How often a test kills or pauses something at random: a few times in every run, more often in a long one."""

import os
from typing import Final

DISTURBANCES: Final = int(os.environ.get("DISTURBANCES", "5"))
