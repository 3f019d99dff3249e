"""The options that gunicorn takes from the settings: `gunicorn cms.wsgi --config python:cms.gunicorn`.

A command line can't check a setting, nor share its default with the rest of Tandem.
"""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")

threads: int = settings.WEB_THREADS
