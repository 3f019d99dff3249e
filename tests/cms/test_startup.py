"""Processes with settings from the environment: a bad value ends them in one line, and good ones start."""

import re
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.servers import ROOT, clean_environment, manage

SECRET_KEY = "only-for-tests-0123456789-0123456789-0123456789"
POSTGRESQL = "postgresql://tandem:hunter2@db.example:5432/tandem"
SQLITE = {"DATABASE_URL": "sqlite:////tmp/tandem-environment.sqlite3", "SECRET_KEY": SECRET_KEY}
BAD_ENVIRONMENTS: list[tuple[Mapping[str, str], str, str]] = [
    ({"DEBUG": "maybe"}, "DEBUG='maybe'", "true, false"),
    ({"HSTS_S": "-5"}, "HSTS_S='-5'", "from 0 to"),
    ({"TRUSTED_PROXIES": "proxy"}, "TRUSTED_PROXIES='proxy'", "CIDR"),
    ({"CSRF_TRUSTED_ORIGINS": "a.example"}, "CSRF_TRUSTED_ORIGINS='a.example'", "https://"),
    ({"CORS_ALLOWED_ORIGINS": "https://a.example, *"}, "CORS_ALLOWED_ORIGINS='*'", "https://"),
    ({"CORS_ALLOWED_ORIGINS": "https://a.example/"}, "CORS_ALLOWED_ORIGINS='https://a.example/'", "https://"),
    ({"EMAIL_URL": "smtp://u:hunter2@"}, "EMAIL_URL='smtp://***@'", "smtps://"),
    ({"ADMIN_URL": "example.org/admin"}, "ADMIN_URL='example.org/admin'", "an address without a query"),
    ({"INVITATION_LIFETIME_DAYS": "0"}, "INVITATION_LIFETIME_DAYS='0'", "a whole number from 1"),
    ({"OIDC_ISSUER": "https://a.example"}, "OIDC_CLIENT_ID=''", "together, or none of them"),
    ({"OIDC_ISSUER": "http://a.example"}, "OIDC_ISSUER='http://a.example'", "https://"),
    ({"REQUIRE_SECOND_FACTOR": "yes"}, "REQUIRE_SECOND_FACTOR='yes'", "admins"),
    ({"PUBLIC_POST_URL": "https://a.example/posts/"}, "PUBLIC_POST_URL='https://a.example/posts/'", "{slug}"),
    ({"PASSWORD_RESET_URL": "https://a.example/"}, "PASSWORD_RESET_URL='https://a.example/'", "{token}"),
    ({"REDIS_URL": "http://x"}, "REDIS_URL='http://x'", "redis://"),
    ({"SECURE_PROXY_SSL_HEADER": "https"}, "SECURE_PROXY_SSL_HEADER='https'", "HEADER,VALUE"),
    ({"API_V2_TRAFFIC_PERCENTAGE": "250"}, "API_V2_TRAFFIC_PERCENTAGE='250'", "from 0 to 100"),
    ({"COMMENT_EDITS_NEED_REVIEW": "sometimes"}, "COMMENT_EDITS_NEED_REVIEW='sometimes'", "true, false"),
    ({"RATE_LIMIT_LOGIN": "10/5m"}, "RATE_LIMIT_LOGIN='10/5m'", "a whole number from 0"),
    ({"DATABASE_URL": "mysql://u:hunter2@h/n"}, "DATABASE_URL='mysql://***@h/n'", "postgresql://"),
    ({"DATABASE_URL": POSTGRESQL, "SECRET_KEY": ""}, "SECRET_KEY=''", "required"),
    ({"DATABASE_PREPARE": "no"}, "DATABASE_PREPARE='no'", "true, false"),
    ({"WEB_THREADS": "0"}, "WEB_THREADS='0'", "from 1 to 100"),
    ({"DATABASE_STATEMENT_TIMEOUT_S": "1.5"}, "DATABASE_STATEMENT_TIMEOUT_S='1.5'", "from 0 to 3600"),
    ({"SECRET_KEY": "short"}, "SECRET_KEY", "32 characters"),
    ({"USE_LEGACY_API_V1": "false", "API_V2_ENABLED": "false"}, "API_V2_ENABLED='false'", "can't both be false"),
]


def ends_in_one_line(done: subprocess.CompletedProcess[str], named: str, allowed: str) -> bool:
    lines = done.stderr.strip().splitlines()
    return len(lines) == 1 and named in lines[0] and allowed in lines[0] and not done.stdout


@pytest.mark.parametrize(
    ("env", "named", "allowed"), BAD_ENVIRONMENTS, ids=lambda value: ",".join(value) if isinstance(value, dict) else ""
)
def test_a_command_ends_in_one_line_with_exit_code_1(env: Mapping[str, str], named: str, allowed: str) -> None:
    done = manage("check", env={**SQLITE, **env})
    assert done.returncode == 1
    assert ends_in_one_line(done, named, allowed), done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("env", "named", "allowed"), BAD_ENVIRONMENTS[-3:], ids=["missing key", "short key", "no version"]
)
def test_a_server_ends_in_one_line(env: Mapping[str, str], named: str, allowed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import cms.wsgi"],
        cwd=ROOT,
        env=clean_environment({**SQLITE, **env}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 3
    assert ends_in_one_line(done, named, allowed), done.stderr
    assert "short" not in done.stderr.replace("shorter", "")


@pytest.mark.parametrize(("given", "threads"), [("", "8"), ("5", "5")])
def test_gunicorn_starts_as_many_threads_as_the_setting_says(given: str, threads: str) -> None:
    done = ask_gunicorn({**SQLITE, "WEB_THREADS": given})
    assert (done.stdout, done.stderr) == (f"{threads}\n", "")


def test_gunicorn_ends_in_one_line_before_it_starts_anything() -> None:
    done = ask_gunicorn({**SQLITE, "WEB_THREADS": "many"})
    assert done.returncode == 1
    assert ends_in_one_line(done, "WEB_THREADS='many'", "from 1 to 100"), done.stderr


def ask_gunicorn(env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """How many threads it would start with the options of the image."""
    [listed] = re.findall(r"^CMD (\[.+\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    code = f"import sys; sys.argv = {listed}; from gunicorn.app.wsgiapp import WSGIApplication as App; print(App().cfg.threads)"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean_environment(env),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_every_way_to_serve_takes_its_threads_from_the_setting() -> None:
    for name in ("Dockerfile", "scripts/run", "README.md"):
        text = (ROOT / name).read_text()
        assert "--threads" not in text, name
        assert "python:cms.gunicorn" in text, name
    assert "${WEB_THREADS:-}" in (ROOT / "docker-compose.staging.yml").read_text()


def test_the_pool_has_room_for_every_thread_and_the_work_beside_them() -> None:
    code = "from django.conf import settings; print(settings.DATABASES['default']['OPTIONS']['pool']['max_size'])"
    env = {"DATABASE_URL": POSTGRESQL, "SECRET_KEY": SECRET_KEY, "WEB_THREADS": "20"}
    assert manage("shell", "-v0", "--no-imports", "-c", code, env=env).stdout == "26\n"


def test_good_values_start() -> None:
    good = {"DEBUG": "1", "TRUSTED_PROXIES": "10.0.0.0/8", "CSRF_TRUSTED_ORIGINS": "https://a.example", "HSTS_S": "60"}
    done = manage("check", env={**SQLITE, **good})
    assert (done.returncode, done.stderr) == (0, "")
