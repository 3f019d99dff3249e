"""The settings of the rehearsed server: the real ones, with a v2 into which faults can be planted."""

import os
from pathlib import Path

from cms.settings import *  # noqa: F403
from cms.settings import CANARY as REAL

CANARY = {**REAL, "ARMS": {n: f"tests.rehearsal.planted_v{n}" for n in (1, 2)}}
FAULT_PATH = Path(os.environ["REHEARSAL_FAULT"])
"""The file that holds the name of the fault that v2 has now."""
