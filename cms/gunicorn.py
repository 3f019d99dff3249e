"""The options that gunicorn takes from the settings: `gunicorn cms.wsgi --config python:cms.gunicorn`.

A command line can't check a setting, nor share its default with the rest of Tandem.
"""

import os
import socket
from typing import Any, Final

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")

SILENT_S: Final = 30
threads: int = settings.WEB_THREADS


def when_ready(server: Any) -> None:
    """Leave connections to the kernel until they send something, for SILENT_S at most.

    gunicorn waits for the first bytes of each in one of the threads, for five seconds: a hundred idle connections would
    stop a process for half a minute.
    """
    for listener in server.LISTENERS:
        if hasattr(socket, "TCP_DEFER_ACCEPT") and listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT_S)
