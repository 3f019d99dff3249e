"""The real settings, with a v2 whose views hang or end their process when they are told to."""

import os
from pathlib import Path
from typing import cast

from cms.settings import *  # noqa: F403
from cms.settings import CANARY as REAL

CANARY = {**REAL, "ARMS": cast("dict[int, str]", REAL["ARMS"]) | {2: "tests.canary.live.dying_urls"}}
HANGS_WHILE = Path(os.environ["HANGS_WHILE"])
