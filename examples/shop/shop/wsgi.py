"""The entry of every server process."""

import os

from django.core.wsgi import get_wsgi_application

from canary.server import serve

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

application = get_wsgi_application()
serve()  # canary: reads the rollout every second, and writes down what the versions answer
