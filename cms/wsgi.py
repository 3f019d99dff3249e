"""The WSGI entry of every server process."""

import os
import sys

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from cms.http.bodies import received
from cms.http.charsets import in_utf8
from cms.http.heads import without_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")

try:
    application = received(get_wsgi_application())
except SystemExit as stop:
    print(stop, file=sys.stderr)
    # gunicorn's WORKER_BOOT_ERROR: its master then stops, where any other code makes it start workers for ever.
    raise SystemExit(3) from None

application = import_string("api_v2.fast_lane.FastLane")(application)  # without it the answers are the same
application = without_bodies(in_utf8(application))
import_string("cms.urls.urlpatterns")  # now, or the first visitor of the admin site would wait for its pages
import_string("cms.generations.serve")()
import_string("canary.server.serve")()
