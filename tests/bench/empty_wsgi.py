"""The empty view as a server: everything that production has around it, and `empty` in the place of v2."""

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from cms.http.chunked import measured
from tests.bench.arms import take_place

take_place("empty")
application = measured(get_wsgi_application())
import_string("canary.server.serve")()
