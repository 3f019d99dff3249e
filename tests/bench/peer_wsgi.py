"""A peer as a server: `BENCH_PEER` is drf or ninja."""

import os

from django.core.wsgi import get_wsgi_application

from tests.bench.peer_settings import take_place

take_place(os.environ["BENCH_PEER"])
application = get_wsgi_application()
