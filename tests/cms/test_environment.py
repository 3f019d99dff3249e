"""Settings from the environment: what each parser takes, and how it refuses."""

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.environment import Environment

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
