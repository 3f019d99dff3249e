"""The shop of examples/ as a server has it, with a share of its writes sampled."""

import os

from shop import settings as shop
from shop.settings import *  # noqa: F403  all but what follows

DEBUG = False
DATABASES = {"default": {**shop.DATABASES["default"], "CONN_MAX_AGE": None}}  # else most of a write is its connection
CANARY = {
    **shop.CANARY,
    "SHADOW_BP": 0,
    "SHADOW_WRITES": {**shop.CANARY["SHADOW_WRITES"], "SHARE_BP": int(os.environ["SHADOW_WRITES_SHARE_BP"])},
}
