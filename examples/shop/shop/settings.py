"""The settings of a small shop. The lines that the canary needs are marked with its name."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "an example needs no secret, but a site does")
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "canary",  # canary
    "shop",
]
MIDDLEWARE = [
    "canary.middleware.CanaryMiddleware",  # canary
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
# The example has the settings of two deployments. A site has those of its present one.
JOURNEYS = {
    "1": {
        "ARMS": {"1": "shop.v1.root_urls", "2": "shop.v2.root_urls"},
        "SUCCESSORS": "shop.successors",
    },
    "2": {  # after the end of v1, from v2 to v3
        "STABLE": "2",
        "CANDIDATE": "3",
        "ARMS": {"2": "shop.v2.root_urls", "3": "shop.v3.root_urls"},
        "SUCCESSORS": "shop.successors_v3",
    },
}
CANARY = {  # canary
    **JOURNEYS[os.environ.get("SHOP_JOURNEY", "1")],
    "PROBE": "/products",  # what `doctor` asks both versions for
    "SHADOW_BP": 1_000,  # one read in ten is answered by both, and compared
    "SHADOW_WRITES": {"ROWS": "shop.shadowing.rows"},  # for `canary shadow-writes writes.jsonl`
}
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
if "PGDATABASE" in os.environ:  # libpq reads PGHOST, PGUSER and the rest of them itself
    DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"]}}
else:
    options = {  # canary: it writes while others read and write
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
    path = BASE_DIR / "db.sqlite3"
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": options}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEMO_FAULT = BASE_DIR / "break-v2"  # while this file exists, v2 fails: `make demo` plants it
STATIC_URL = "static/"
USE_TZ = True
