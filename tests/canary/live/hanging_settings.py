"""The real settings, with a v2 whose views don't return while a file exists."""

import os
from pathlib import Path

from cms.settings import *  # noqa: F403
from cms.settings import CANARY as REAL

ARMS = {1: "api_v1.root_urls", 2: "tests.canary.live.hanging_urls"}
CANARY = {**REAL, "ARMS": ARMS}
HANGS_WHILE = Path(os.environ["HANGS_WHILE"])
