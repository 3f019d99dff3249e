"""The one settings file: a bare clone runs on its defaults, the environment changes them.

The only place that reads `os.environ`. A value that can't be used ends the process with one sentence.
"""

import os
import sys
from pathlib import Path

from django.urls import reverse_lazy
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from cms.environment import Environment, refuse
from cms.limits import ISSUER_MAX
from cms.media.configuration import media_storage
from cms.secret_key import load_or_make_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(os.environ)

# -- engines ----------------------------------------------------------------------------------------------------------

# gunicorn starts so many in each server process: `cms/gunicorn.py`.
WEB_THREADS = env.integer("WEB_THREADS", default=8, minimum=1, maximum=100)
# Each takes one: the canary's writing, tidying, shadow reads, their results and crashes, and the look of `/readyz`.
CONNECTIONS_BESIDE_REQUESTS = 6
PREPARES = env.boolean("DATABASE_PREPARE", default=True)
# Limits web requests alone: commands, workers and work beside requests take the time that they need. 0: none ends.
DATABASE_STATEMENT_TIMEOUT_S = env.integer("DATABASE_STATEMENT_TIMEOUT_S", default=10, minimum=0, maximum=3_600)
POOL = {
    "max_size": WEB_THREADS + CONNECTIONS_BESIDE_REQUESTS,
    "timeout": 10,
    "statement_timeout": DATABASE_STATEMENT_TIMEOUT_S,
}
DATABASES = {"default": env.database("DATABASE_URL", "sqlite:///db.sqlite3", BASE_DIR, prepares=PREPARES, pool=POOL)}
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
REDIS_URL = env.redis_url("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "tandem",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1, "IGNORE_EXCEPTIONS": True},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
# Finished answers of API v2 to anonymous readers, in the memory of each process; 0 = none are kept.
PUBLIC_CACHE_MB = env.integer("PUBLIC_CACHE_MB", default=64, minimum=0, maximum=65_536)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- security ---------------------------------------------------------------------------------------------------------

SECRET_KEY = env.text("SECRET_KEY")
if not SECRET_KEY:
    if not IS_SQLITE:
        refuse("SECRET_KEY", "", "on PostgreSQL it is required, at least 32 random characters")
    SECRET_KEY = load_or_make_secret_key(BASE_DIR / ".secret_key")
elif len(SECRET_KEY) < 32:
    sys.exit("SECRET_KEY is not valid: it is shorter than 32 characters.")
# Keys of before: what they have signed is believed, nothing is signed with them.
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
if any(len(key) < 32 for key in SECRET_KEY_FALLBACKS):
    sys.exit("SECRET_KEY_FALLBACKS is not valid: a key in it is shorter than 32 characters.")
DEBUG = env.boolean("DEBUG", default=False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default=("localhost", "127.0.0.1", "[::1]"))
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
HSTS_S = SECURE_HSTS_SECONDS = env.integer("HSTS_S", default=0, minimum=0, maximum=63_072_000)
IS_HTTPS_ONLY = HSTS_S > 0
SECURE_PROXY_SSL_HEADER = env.header_and_value("SECURE_PROXY_SSL_HEADER")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS_ONLY
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# For pages; SECURITY.md gives the reason of each exception. `frame-ancestors` follows X-Frame-Options.
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF],
    "style-src-attr": [CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "frame-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
}
STATIC_PAGE_CSP = {
    **{name: [CSP.NONE] for name in ("default-src", "form-action", "base-uri", "frame-ancestors")},
    **{name: [CSP.SELF] for name in ("style-src", "img-src")},
}
# A post's content may have a million characters, and JSON may write each as twelve bytes (two escaped surrogates).
DATA_UPLOAD_MAX_MEMORY_SIZE = 13 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["cms.http.parts.PartUploadHandler"]

AUTH_USER_MODEL = "cms.User"
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # username is unique without case, by a constraint that this check doesn't know
    # The proxy that ends TLS redirects to it; a redirect here would break health checks and clients in the cluster.
    "security.W008",
    "security.W005",  # what other subdomains of this domain are served by is not ours to promise
    "security.W021",  # nor is a place on the browsers' preload list, which can't be taken back for months
]
AUTHENTICATION_BACKENDS = ["cms.auth_backends.UsernameOrEmailBackend"]
PASSWORD_HASHERS = [
    "cms.accounts.hashers.OwaspArgon2PasswordHasher",
    "cms.accounts.hashers.OldPBKDF2PasswordHasher",
    "cms.accounts.hashers.OldBCryptSHA256PasswordHasher",
    "cms.accounts.hashers.TruncatingBCryptPasswordHasher",
    "cms.accounts.hashers.OldScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCESS_TOKEN_LIFETIME_S = 15 * 60
REFRESH_TOKEN_LIFETIME_S = 14 * 24 * 3600
SHORT_REFRESH_TOKEN_LIFETIME_S = 24 * 3600  # of a login that isn't to be remembered
SESSION_ENGINE = "cms.accounts.sessions"
PASSWORD_RESET_LIFETIME_S = 3600
EMAIL_VERIFICATION_LIFETIME_S = 72 * 3600
INVITATION_LIFETIME_DAYS = env.integer("INVITATION_LIFETIME_DAYS", default=7, minimum=1, maximum=365)
REQUIRE_SECOND_FACTOR = env.choice("REQUIRE_SECOND_FACTOR", ("none", "admins", "staff"), default="none")
# Single sign-on at the admin site; off without the first three.
OIDC_ISSUER = env.issuer("OIDC_ISSUER", longest=ISSUER_MAX)
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET")
env.all_or_none("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
OIDC_NAME = env.text("OIDC_NAME", "single sign-on")
OIDC_SECOND_FACTOR = env.choice("OIDC_SECOND_FACTOR", ("local", "provider"), default="local")

# How often at most; 0 = as often as one likes. Windows and what else each counts by: cms/rate_limits/__init__.py.
RATE_LIMIT_ANONYMOUS = env.integer("RATE_LIMIT_ANONYMOUS", default=6_000, minimum=0, maximum=1_000_000)
RATE_LIMIT_CREDENTIAL = env.integer("RATE_LIMIT_CREDENTIAL", default=12_000, minimum=0, maximum=1_000_000)
RATE_LIMIT_LOGIN = env.integer("RATE_LIMIT_LOGIN", default=10, minimum=0, maximum=1_000_000)
RATE_LIMIT_REGISTER = env.integer("RATE_LIMIT_REGISTER", default=100, minimum=0, maximum=1_000_000)
RATE_LIMIT_MAIL = env.integer("RATE_LIMIT_MAIL", default=5, minimum=0, maximum=1_000_000)
RATE_LIMIT_COMMENTS = env.integer("RATE_LIMIT_COMMENTS", default=60, minimum=0, maximum=1_000_000)
RATE_LIMIT_OWN_CHANGES = env.integer("RATE_LIMIT_OWN_CHANGES", default=300, minimum=0, maximum=1_000_000)
RATE_LIMIT_KEPT_MB = env.integer("RATE_LIMIT_KEPT_MB", default=10_000, minimum=0, maximum=100_000)
COMMENTS_BY_GUESTS = env.boolean("COMMENTS_BY_GUESTS", default=False)
COMMENT_EDITS_NEED_REVIEW = env.boolean("COMMENT_EDITS_NEED_REVIEW", default=False)
REQUIRE_IF_MATCH = env.boolean("REQUIRE_IF_MATCH", default=False)  # of PATCH and DELETE in v2

# -- the parts and how they are wired ---------------------------------------------------------------------------------

INSTALLED_APPS = [
    "cms.apps.CmsConfig",  # first: its `migrate` takes the place of Django's
    "canary.apps.CanaryConfig",
    "api_v1.apps.ApiV1Config",
    "api_v2.apps.ApiV2Config",
    "unfold.apps.BasicAppConfig",  # without its own site: ours is in AdminSiteConfig
    "cms.apps.AdminSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",  # for its command; the table is ours
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
]
MIDDLEWARE = [
    "cms.http.probes.ProbeMiddleware",
    "cms.http.middleware.ClientAddressMiddleware",
    "cms.http.middleware.RequestIdMiddleware",
    "cms.http.access_log.AccessLogMiddleware",
    "cms.http.cors.CorsMiddleware",
    "canary.middleware.CanaryMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "cms.http.browser_middleware.CommonMiddleware",
    "cms.http.browser_middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "cms.http.browser_middleware.PreferencesMiddleware",
    "cms.http.browser_middleware.FormSizeMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "cms.urls"
WSGI_APPLICATION = "cms.wsgi.application"
APPEND_SLASH = False  # the APIs have no trailing slashes, and a redirect would cost one more URL resolution a request

API_V2_TRAFFIC_PERCENTAGE_BP = env.percentage_bp("API_V2_TRAFFIC_PERCENTAGE")
USE_LEGACY_API_V1 = env.boolean("USE_LEGACY_API_V1", default=True)
API_V2_ENABLED = env.boolean("API_V2_ENABLED", default=True)
if not (USE_LEGACY_API_V1 or API_V2_ENABLED):
    refuse(
        "API_V2_ENABLED", "false", "USE_LEGACY_API_V1 and API_V2_ENABLED can't both be false, for nothing would answer"
    )

# While this file exists, `/readyz` says no: a process that is about to end is sent nothing more.
DRAIN_FILE = env.text("DRAIN_FILE")

# -- the checklist of a deployment: `manage.py readiness` -------------------------------------------------------------

# Called as cms.readiness.Check says, shown in this order.
ROLLOUT_LINE = "canary.pages.overview.rollout_line"
READINESS_CHECKS = {
    "database": "cms.readiness.stores.database",
    "migrations": "cms.readiness.stores.migrations",
    "redis": "cms.readiness.stores.redis_answers",
    "media": "cms.readiness.stores.media_are_kept",
    "proxy": "cms.readiness.proxy.buffers_requests",
    "versions": "canary.reporting.readiness.versions_answer",
    "canary_weight": "canary.reporting.readiness.weight_as_planned",
    "controller": "canary.reporting.readiness.controller_turns",
    "rollback_drill": "canary.reporting.readiness.rollback_was_drilled",
    "demo_accounts": "cms.seeding.accounts.no_account_is_exposed",
    "deploy_settings": "cms.readiness.machine.deploy_settings",
    "backups": "cms.readiness.machine.backups",
    "disk": "cms.readiness.machine.disk",
    "private_files": "cms.readiness.machine.files_are_private",
    "pruned": "cms.readiness.stores.was_pruned",
    "clock": "cms.readiness.stores.clocks_agree",
}
BACKUP_DIR = env.text("BACKUP_DIR")
ROLLBACK_DRILL_DAYS = env.integer("ROLLBACK_DRILL_DAYS", default=90, minimum=0, maximum=3_650)
DISK_FREE_MIN_MB = env.integer("DISK_FREE_MIN_MB", default=1_024, minimum=0, maximum=1_000_000_000)

# -- background work --------------------------------------------------------------------------------------------------

TASKS = {
    "default": {
        "BACKEND": "cms.jobs.backend.DatabaseBackend",
        "QUEUES": ["default", "media", "mail", "transfers"],
        "OPTIONS": {"max_attempts": 8},
    }
}
MAILERS = {"default": env.mailer("EMAIL_URL", default="console:")}
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "tandem@localhost")
PASSWORD_RESET_URL = env.url_with_token("PASSWORD_RESET_URL")
PUBLIC_POST_URL = env.url_of_post("PUBLIC_POST_URL")
PREVIEW_URL = env.url_with_token("PREVIEW_URL")
ADMIN_URL = env.url_of_folder("ADMIN_URL")
EMAIL_VERIFICATION_URL = env.url_with_token("EMAIL_VERIFICATION_URL")
JOB_LEASE_S = env.integer("JOB_LEASE_S", default=60, minimum=1, maximum=3_600)
WEBHOOKS_ALLOW_PRIVATE = env.boolean("WEBHOOKS_ALLOW_PRIVATE", default=False)
WEBHOOK_TIMEOUT_S = env.integer("WEBHOOK_TIMEOUT_S", default=10, minimum=1, maximum=60)
WEBHOOK_MAX_ATTEMPTS = env.integer("WEBHOOK_MAX_ATTEMPTS", default=10, minimum=1, maximum=50)
WEBHOOK_DELIVERY_RETENTION_DAYS = env.integer("WEBHOOK_DELIVERY_RETENTION_DAYS", default=30, minimum=1, maximum=3_650)
JOB_RETENTION_DAYS = env.integer("JOB_RETENTION_DAYS", default=14, minimum=1, maximum=3_650)
SESSION_RETENTION_DAYS = env.integer("SESSION_RETENTION_DAYS", default=30, minimum=1, maximum=3_650)
IDEMPOTENCY_RETENTION_DAYS = env.integer("IDEMPOTENCY_RETENTION_DAYS", default=1, minimum=1, maximum=3_650)
AUDIT_RETENTION_DAYS = env.integer("AUDIT_RETENTION_DAYS", default=0, minimum=0, maximum=36_500)
CANARY_TRUST_AGE_DAYS = env.integer("CANARY_TRUST_AGE_DAYS", default=7, minimum=0, maximum=365)
SEND_ROLLOUT_NOTICE = "canary.notices.sending.send_notice"

CANARY = {
    "ARMS": {1: "api_v1.root_urls", 2: "api_v2.root_urls"},
    "WEIGHT_BP": API_V2_TRAFFIC_PERCENTAGE_BP,
    "IS_V1_ENABLED": USE_LEGACY_API_V1,
    "IS_V2_ENABLED": API_V2_ENABLED,
    "IDENTIFY": "cms.accounts.credentials.identify",
    "HAS_SCOPE": "cms.accounts.authentication.has_scope",
    "LIST_IDENTITIES": "cms.rollout.identities.list_identities",
    "DEBT": "cms.rollout.debt.rows_that_v1_cannot_show",
    "NOTIFY": "cms.rollout.events.tell_of_rollout",
    "NOTIFY_CONSUMERS": "cms.rollout.consumers.notify_consumers",
    "CONTACTS": "cms.rollout.contacts.contacts_of",
    "SUCCESSORS": "api_v1.successors",
    "GUIDE": "/docs/v1-to-v2",
    "DOCS": "/docs",
    "PROBLEM_TYPE": "urn:problem-type:tandem:",
    "TRUSTED_PROXIES": TRUSTED_PROXIES,
    "PROBE": "/posts?limit=1",  # what both versions are asked for, below their base, to see whether they answer
    "IS_EXCLUDED": "cms.rollout.exclusions.why_excluded",
    "IS_AWAY": "cms.http.unavailable.is_away",
    "EVIDENCE_UNIT": "cms.rollout.evidence_units.unit_of",
    "CLOCK": "cms.clock.now_s",
    "RETENTION_DAYS": env.integer("CANARY_RETENTION_DAYS", default=90, minimum=1, maximum=3_650),
    "ANONYMOUS_CONSUMERS": env.integer("CANARY_ANONYMOUS_CONSUMERS", default=1_000, minimum=0, maximum=1_000_000),
    "METRICS_TOKEN": env.text("METRICS_TOKEN"),
    "BULKHEAD": env.integer("CANARY_BULKHEAD", default=0, minimum=0, maximum=1_000),
    "FAILOVER": env.boolean("CANARY_FAILOVER", default=True),
    "WEB_THREADS": WEB_THREADS,
    "HANG_S": env.integer("CANARY_HANG_S", default=10, minimum=1, maximum=3_600),
    "SHADOW_BP": env.share_bp("CANARY_SHADOW_PERCENTAGE", default=100),
    "SHADOW_CPU_BP": env.share_bp("CANARY_SHADOW_CPU_PERCENTAGE", default=1_000),
    "WARM_UP_S": env.integer("CANARY_WARM_UP_S", default=180, minimum=0, maximum=3_600),
    "UNGUARDED_S": env.integer("CANARY_UNGUARDED_S", default=300, minimum=10, maximum=86_400),
    "BUILD": env.text("CANARY_BUILD"),
    "CODE": [BASE_DIR / name for name in ("api_v1", "api_v2", "canary", "cms", "requirements.txt")],
    "MAX_ERRORS_BP": env.share_bp("CANARY_MAX_ERRORS", default=200, minimum=1, maximum=5_000),
    "MAX_SLOWDOWN": env.factor("CANARY_MAX_SLOWDOWN", default=3.0, minimum=1.2, maximum=100),
    "MAX_CRASHES": env.integer("CANARY_MAX_CRASHES", default=2, minimum=0, maximum=1_000),
    "MAX_REFUSALS_BP": env.share_bp("CANARY_MAX_REFUSALS", default=500, minimum=1),
    "TOTAL_FAILURE_BP": env.share_bp("CANARY_TOTAL_FAILURE", default=9_000, minimum=5_000),
    "LATENCY_MARGIN_BP": env.share_bp("CANARY_LATENCY_MARGIN", default=2_000),
    "SQL_BUDGET": env.integer("CANARY_SQL_BUDGET", default=5, minimum=0, maximum=1_000),
    "FREEZES": env.words("CANARY_FREEZES"),
    "TIME_ZONE": env.text("CANARY_TIME_ZONE"),
    "APPROVAL": env.boolean("CANARY_APPROVAL", default=False),
    "GATES": env.tables("CANARY_GATES", "gate"),
    "NOTIFY_URLS": env.notice_urls("CANARY_NOTIFY"),
    "NOTIFY_QUIET_S": 60 * env.integer("CANARY_NOTIFY_QUIET_MINUTES", default=60, minimum=0, maximum=10_080),
    "NOTIFY_BY": "cms.services.rollout_notices.queue_rollout_notice",
    "PAGE_URL": ADMIN_URL and f"{ADMIN_URL}canary/",
}

# -- texts, time, files -----------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語")]  # each in its own words: users choose one for the admin site
FORMAT_MODULE_PATH = "cms.admin.formats"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
# Uploaded files. No address serves them as they lie there: each version's API asks who may see one first.
MEDIA_ROOT = BASE_DIR / env.text("MEDIA_ROOT", "media")
# The address of a file's bytes in texts that the admin site writes, as its readers ask for them.
MEDIA_ADDRESS = "/api/v2/media/{id}/content"
# The beginning of file addresses in v2's responses. Never the host of a request, because responses are kept.
MEDIA_BASE_URL = env.url_of_folder("MEDIA_BASE_URL").removesuffix("/")
MEDIA_S3 = {
    "MEDIA_S3_BUCKET": env.text("MEDIA_S3_BUCKET"),
    "MEDIA_S3_PREFIX": env.text("MEDIA_S3_PREFIX"),
    "MEDIA_S3_ENDPOINT_URL": env.text("MEDIA_S3_ENDPOINT_URL"),
    "MEDIA_S3_REGION": env.text("MEDIA_S3_REGION"),
    "MEDIA_S3_ACCESS_KEY_ID": env.text("MEDIA_S3_ACCESS_KEY_ID"),
    "MEDIA_S3_SECRET_ACCESS_KEY": env.text("MEDIA_S3_SECRET_ACCESS_KEY"),
}
STORAGES = {
    "default": media_storage(MEDIA_S3),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # a clone serves the admin's files without a collectstatic
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

# -- REST framework: each version's views bring their own classes, these are what both share --------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["cms.rollout.authentication.RestFrameworkAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

# -- admin site -------------------------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "Tandem",
    "SITE_HEADER": "Tandem",
    "SITE_SUBHEADER": _("Content in two API versions"),
    "SITE_URL": "/",
    "ACCOUNT": {
        "navigation": [
            {"title": _("Profile"), "link": reverse_lazy("admin:profile")},
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Two-factor sign-in"), "link": reverse_lazy("admin:two_factor")},
        ]
    },
    "COMMAND": {"search_callback": "cms.admin.command.search"},
    "STYLES": [f"{STATIC_URL}cms/colors.css", f"{STATIC_URL}cms/admin.css"],
    "SCRIPTS": [f"{STATIC_URL}cms/{name}.js" for name in ("htmx-without-styles", "names", "thumbnails")],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}cms/icon.svg"}],
}

# -- logs -------------------------------------------------------------------------------------------------------------

LOG_FORMAT = env.choice("LOG_FORMAT", ("json", "text"), default="text" if IS_SQLITE else "json")
ACCESS_LOG = env.boolean("ACCESS_LOG", default=not IS_SQLITE)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {"()": "cms.http.logs.JsonFormatter"},
    },
    "filters": {"route": {"()": "cms.http.logs.RouteForPath"}, "short": {"()": "cms.http.logs.ShortRefusal"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["route", "short"]}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # httpx logs every URL that it requests, and that of a webhook is often a secret of its receiver.
    "loggers": {
        "django.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # It reports less about each refused request than the line that ACCESS_LOG writes.
        "django.request": {"level": "ERROR" if ACCESS_LOG else "WARNING"},
    },
}
