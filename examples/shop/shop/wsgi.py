"""The entry of every server process."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

application = get_wsgi_application()

from canary.server import serve  # noqa: E402  it needs the apps that were loaded above

serve()  # canary: reads the rollout every second, and writes down what the versions answer
