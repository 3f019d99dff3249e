"""The empty view as a server: everything that production has around it, and `empty` in the place of v2."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from cms.chunked import measured

arms: Any = settings.CANARY["ARMS"]
settings.CANARY = {**settings.CANARY, "ARMS": {**arms, 2: "tests.bench.empty"}}
application = measured(get_wsgi_application())
