"""The baseline as a server: everything that production has around it, and `plain_drf` in the place of v1."""

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from cms.http.chunked import measured
from tests.bench.arms import install_tokens, take_place

install_tokens()
take_place("drf")
application = measured(get_wsgi_application())
import_string("canary.server.serve")()
