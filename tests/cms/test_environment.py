"""Settings from the environment: what each parser takes, how it refuses, and that a process then ends in one line."""

import ipaddress
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cms.environment import Environment
from tests.servers import ROOT, clean_environment, manage

SECRET_KEY = "only-for-tests-0123456789-0123456789-0123456789"
POSTGRESQL = "postgresql://tandem:hunter2@db.example:5432/tandem"


# A folder whose name would mean something else in an URL.
BASE = Path("/srv/a%20b?")


def environment(value: str | None) -> Environment:
    return Environment({} if value is None else {"NAME": value})


def refusal(parse: Callable[[Environment], Any], value: str) -> str:
    """The sentence that the process would end with."""
    with pytest.raises(SystemExit) as caught:
        parse(environment(value))
    sentence = str(caught.value.code)
    assert sentence.startswith("NAME=")
    assert " is not valid: use " in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        ("", True),
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("false", False),
        ("False", False),
        ("0", False),
    ],
)
def test_a_boolean(value: str | None, expected: bool) -> None:
    assert environment(value).boolean("NAME", default=True) is expected


@pytest.mark.parametrize("value", ["yes", "on", "2", " true", "true ", "t", "None", "\u0661"])
def test_what_is_no_boolean(value: str) -> None:
    assert repr(value) in refusal(lambda env: env.boolean("NAME", default=True), value)


@pytest.mark.parametrize(("value", "expected"), [(None, 7), ("", 7), ("0", 0), ("007", 7), ("100", 100)])
def test_a_whole_number(value: str | None, expected: int) -> None:
    assert environment(value).integer("NAME", default=7, minimum=0, maximum=100) == expected


@pytest.mark.parametrize("value", ["101", "-1", "+1", "1.0", "1e2", "1_0", " 1", "٣", "²", "x", "9" * 5_000])
def test_what_is_no_whole_number_in_range(value: str) -> None:
    sentence = refusal(lambda env: env.integer("NAME", default=7, minimum=0, maximum=100), value)
    assert "from 0 to 100" in sentence


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("0.0", 0),
        ("0.01", 1),
        ("12.5", 1_250),
        ("12.34", 1_234),
        ("99.99", 9_999),
        ("100", 10_000),
        ("100.00", 10_000),
        ("007", 700),
    ],
)
def test_a_percentage_is_basis_points(value: str | None, expected: int | None) -> None:
    assert environment(value).percentage_bp("NAME") == expected


@pytest.mark.parametrize(
    "value",
    ["100.01", "101", "-1", "+5", "5%", "12,5", "12.", ".5", "1e1", "0.001", "nan", "inf", "٥", "1_0", " 5", "5\n"],
)
def test_what_is_no_percentage(value: str) -> None:
    assert "from 0 to 100" in refusal(lambda env: env.percentage_bp("NAME"), value)


@pytest.mark.parametrize(("value", "expected"), [(None, None), ("0.01", 1), ("50", 5_000)])
def test_a_share_within_bounds(value: str | None, expected: int | None) -> None:
    assert environment(value).percentage_bp("NAME", minimum=1, maximum=5_000) == expected


@pytest.mark.parametrize("value", ["0", "50.01", "-1", "x"])
def test_a_share_beyond_its_bounds(value: str) -> None:
    sentence = refusal(lambda env: env.percentage_bp("NAME", minimum=1, maximum=5_000), value)
    assert "from 0.01 to 50" in sentence


@pytest.mark.parametrize(("value", "expected"), [(None, 3.0), ("", 3.0), ("1.2", 1.2), ("100", 100.0)])
def test_a_factor(value: str | None, expected: float) -> None:
    assert environment(value).factor("NAME", default=3, minimum=1.2, maximum=100) == expected


@pytest.mark.parametrize("value", ["1.19", "101", "-2", "3x", "nan", "1e1", "3.001"])
def test_what_is_not_a_factor(value: str) -> None:
    sentence = refusal(lambda env: env.factor("NAME", default=3, minimum=1.2, maximum=100), value)
    assert "from 1.2 to 100" in sentence


@pytest.mark.parametrize(
    ("value", "expected"), [(None, ["a"]), ("", ["a"]), ("b", ["b"]), (" b , ,c,", ["b", "c"]), (",", [])]
)
def test_words(value: str | None, expected: list[str]) -> None:
    assert environment(value).words("NAME", default=("a",)) == expected


def test_networks_are_addresses_or_cidr() -> None:
    networks = environment("10.0.0.0/8, 192.0.2.7,2001:db8::/32,10.1.2.3/16").networks("NAME")
    assert networks == [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "10.1.0.0/16")]
    assert environment("").networks("NAME") == []


@pytest.mark.parametrize("value", ["proxy", "10.0.0.0/33", "10.0.0", "10.0.0.1:80", "::1/200", "10.0.0.1;10.0.0.2"])
def test_what_is_no_network(value: str) -> None:
    assert value in refusal(lambda env: env.networks("NAME"), f"10.0.0.1,{value}")


@pytest.mark.parametrize(
    "value", ["https://a.example", "http://localhost:8000", "https://*.a.example", "https://[::1]:443"]
)
def test_origins(value: str) -> None:
    assert environment(f"{value}, {value}").origins("NAME") == [value, value]


@pytest.mark.parametrize(
    "value",
    ["a.example", "https://", "https://a.example/", "https://a.example/x", "ftp://a", "*", "null", "https://a b"],
)
def test_what_is_no_origin(value: str) -> None:
    assert "https://cms.example.org" in refusal(lambda env: env.origins("NAME"), value)


def test_a_header_and_its_value() -> None:
    assert environment("HTTP_X_FORWARDED_PROTO, https").header_and_value("NAME") == ("HTTP_X_FORWARDED_PROTO", "https")
    assert environment("").header_and_value("NAME") is None
    for value in ("X-Forwarded-Proto,https", "HTTP_X_FORWARDED_PROTO", "HTTP_A,b,c"):
        assert "HEADER,VALUE" in refusal(lambda env: env.header_and_value("NAME"), value)


@pytest.mark.parametrize(
    "value",
    [
        "redis://localhost",
        "redis://localhost:6379/0",
        "rediss://:p%40ss@h:1/2",
        "unix:///run/redis.sock?db=1",
        "redis://[::1]:6379/3",
        "",
    ],
)
def test_a_redis_url(value: str) -> None:
    assert environment(value).redis_url("NAME") == value


@pytest.mark.parametrize(
    "value",
    [
        "http://localhost",
        "localhost:6379",
        "redis:/x",
        "redis://h:port/0",
        "redis://h:70000",
        "redis://h:1/zero",
        "unix://",
        "redis://:hunter2@[h",
    ],
)
def test_what_is_no_redis_url(value: str) -> None:
    sentence = refusal(lambda env: env.redis_url("NAME"), value)
    assert "redis://HOST:PORT/DB" in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("sqlite:///db.sqlite3", "/srv/a%20b?/db.sqlite3"),
        ("sqlite:////var/db.sqlite3", "/var/db.sqlite3"),
        ("sqlite:///a%20b", "/srv/a%20b?/a b"),
        ("", "/srv/a%20b?/fallback"),
    ],
)
def test_an_sqlite_url(value: str, name: str) -> None:
    database = environment(value).database("NAME", "sqlite:///fallback", BASE)
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", name)
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_postgresql_url() -> None:
    database = environment("postgresql://us%40er:p%2Fw%3A@[::1]:5433/na%20me?sslmode=require").database(
        "NAME", "", BASE
    )
    found = [database[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")]
    assert found == ["us@er", "p/w:", "::1", "5433", "na me"]
    assert database["OPTIONS"]["sslmode"] == "require"
    socket = environment("postgres://tandem@/tandem?host=/run/pg&port=5434").database("NAME", "", BASE)
    assert [socket[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "tandem",
        "",
        "/run/pg",
        "5434",
        "tandem",
    ]


@pytest.mark.parametrize(
    "value",
    [
        "mysql://user:hunter2@host/name",
        "mysql://user:hun/ter2@host/hunter2@name",
        "postgresql://user:hunter2@host:port/name",
        "postgresql://user:hunter2@host:99999/name",
        "postgresql://user:hunter2@host",
        "postgresql://user:hunter2@host/",
        "postgresql://user:hunter2#@host/name",
        "postgresql://user:hunter2[@host/name",
        "postgresql://user:hunter2/@host:port/name",
        "postgresql:user:hunter2@host/name",
        "user:hunter2@host/name",
        "postgres//user:hunter2@host/name",
        "postgresql://host:port/name?password=hunter2&user=tandem",
        "dbname=tandem password=hunter2 host=db",
        "sqlite://name",
        "sqlite://user:hunter2@host/name",
        "sqlite:///",
        "sqlite:///name?mode=ro",
        "name",
    ],
)
def test_what_is_no_database_url_is_shown_without_its_password(value: str) -> None:
    sentence = refusal(lambda env: env.database("NAME", "", BASE), value)
    assert "hunter2" not in sentence
    assert "hun/ter2" not in sentence


@pytest.mark.parametrize(
    "value",
    ["https://login.example", "https://a.example:8443/realms/press/", "http://localhost:8080/x", "http://[::1]:1"],
)
def test_an_issuer_is_taken_as_it_is_written(value: str) -> None:
    assert environment(value).issuer("NAME", longest=255) == value


@pytest.mark.parametrize(
    "value",
    [
        *("http://login.example", "http://127.0.0.1.example", "login.example", "https://", "https://u:p@a.example"),
        *("https://a.example/?x", "https://a.example/#x", "https://a.example:port", f"https://a.example/{'x' * 255}"),
    ],
)
def test_what_is_no_issuer(value: str) -> None:
    assert "https://" in refusal(lambda env: env.issuer("NAME", longest=255), value)


@pytest.mark.parametrize(("names", "missing"), [((), []), (("A", "B", "C"), []), (("A",), ["B"]), (("B", "C"), ["A"])])
def test_variables_that_belong_together_are_set_together_or_not_at_all(
    names: tuple[str, ...], missing: list[str]
) -> None:
    said = []
    try:
        Environment(dict.fromkeys(names, "hunter2")).all_or_none("A", "B", "C")
    except SystemExit as end:
        said.append(end.code)
    assert said == [f"{name}='' is not valid: set A, B and C together, or none of them." for name in missing]


# -- through real processes -------------------------------------------------------------------------------------------

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


def test_tables_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    path.write_text('[[gate]]\nname = "a"\n\n[[gate]]\nname = "b"\nlimit = 1.5\n')
    assert environment(None).tables("NAME", "gate") == []
    assert environment(str(path)).tables("NAME", "gate") == [{"name": "a"}, {"name": "b", "limit": 1.5}]


@pytest.mark.parametrize("content", ["gate = [", "gate = 1", "[[gates]]", "gate = [1]"])
def test_a_file_without_such_tables(tmp_path: Path, content: str) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(content)
    assert "use a TOML file" in refusal(lambda env: env.tables("NAME", "gate"), str(path))
    assert "can be read" in refusal(lambda env: env.tables("NAME", "gate"), str(tmp_path / "missing.toml"))


def test_urls_of_notices_by_kind() -> None:
    kinds = ("step", "rollback")
    value = "slack://a/b?c=d rollback+step=pagerduty://e@f  all=json://g"
    found = environment(value).notice_urls("NAME", kinds)
    pager = ["pagerduty://e@f"]
    assert found == {"all": ["slack://a/b?c=d", "json://g"], "rollback": pager, "step": pager}
    assert environment(None).notice_urls("NAME", kinds) == {}


@pytest.mark.parametrize(
    "value", ["steps=slack://hunter2", "step=hunter2", "hunter2", "step+=slack://hunter2", "+=a://b"]
)
def test_what_is_no_url_of_a_notice_is_refused_without_its_secret(value: str) -> None:
    with pytest.raises(SystemExit) as caught:
        environment(value).notice_urls("NAME", ("step", "rollback"))
    assert "use KIND+KIND=URL" in str(caught.value.code)
    assert "hunter2" not in str(caught.value.code)
