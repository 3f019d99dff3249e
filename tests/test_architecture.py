"""What the house rules say of the code as text; who imports whom is checked by `lint-imports`."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("cms", "api_v1", "api_v2", "canary")
SOURCES = [p for name in PACKAGES for p in (ROOT / name).rglob("*.py") if "migrations" not in p.parts]
# Boundaries that must survive: the dispatcher's fail-to-stable lines, one request of an API, one item of an import, one
# turn of a worker's loop, one job, one message to a receiver.
SURVIVORS = {
    *("canary/middleware.py", "canary/server.py", "cms/importers/pipeline.py"),
    "canary/requests/ends.py",  # a thread of the server, and an answer of a version
    *("cms/importers/exported.py", "cms/importers/markdown.py"),  # one file of an import
    "canary/judging/controller.py",  # one turn of the controller
    "canary/gates/asking.py",  # one question to a gate of the site
    "canary/notices/choosing.py",  # one notice
    # one read that is repeated
    *("canary/shadow/offering.py", "canary/shadow/asking.py", "canary/shadow/reading.py", "canary/shadow/watchdog.py"),
    *("canary/shadow/writes/pairs.py", "canary/shadow/writes/sampling.py"),  # one write that is repeated
    "canary/retiring/life.py",  # a refusal is answered whoever asks
    "canary/services/changing.py",  # a message about a change that is made
    "cms/readiness/__init__.py",  # one item of the checklist
    *("cms/jobs/loops.py", "cms/jobs/execution.py", "cms/outgoing/sending.py", "cms/transfers/jobs.py"),
}
SECRET = re.compile(r"digest|signature|token|secret|hmac|_sign\(", re.IGNORECASE)
# Nobody can guess a secret by these.
OPEN_COMPARISONS = {
    "api_v2/views/account_mails.py: (token is None) == (email is None)",
    "cms/backup/archive.py: stream.read() != _tail(digest.hexdigest())",  # a checksum of the file
    "cms/generations/in_redis.py: token != self._token",  # names a generation of the cache
    "cms/importers/pipeline.py: record.digest == digest",  # of what is imported
    "cms/integrity/files.py: digest != media.sha256",
    "cms/media/configuration.py: name == _SECRET",  # the name of a setting
}

# Outside a transaction such a read has all rows in memory; others of the domain walk by key.
STREAMS = {
    "api_v2/views/syndication.py": "50,000 short rows at most",
    "cms/exporters/rows.py": "in the transaction of an export",
    "canary/recording/aggregation.py": "merged rows, of minutes and hours",
    "canary/recording/compaction.py": "instants alone",
    "canary/recording/population.py": "merged rows of a day",
    "canary/reporting/history.py": "in the transaction of a check",
    "canary/reporting/whatif.py": "two short values of five minutes' callers",
    "canary/retiring/usage.py": "rows of a day",
}

# Modules of fewer than 20 lines, and why each is not part of a neighbour.
SHORT = {
    "api_v1/serializers/comments.py": "one noun a module",
    "api_v1/serializers/timestamps.py": "every serializer and the health checks use it",
    "api_v2/links.py": "views, pages of lists and repeated requests use it",
    "canary/core/permissions.py": "the dispatcher imports no verb",
    "canary/recording/leases.py": "compaction and pruning use it",
    "cms/admin/formats/en/formats.py": "Django looks for formats by this name",
    "cms/db/postgresql/errors.py": "is found without loading a driver",
    "cms/jobs/backoff.py": "jobs and deliveries use it",
    "cms/media/checks.py": "Django's name for the module of system checks",
    "cms/outgoing/": "a setting and Django's checks name two",
    "cms/rollout_consumers.py": "queued jobs name it",
    "cms/services/rollout_notices.py": "the canary's settings and queued jobs name it",
}
SHORT_BY_NATURE = {"__init__", "apps", "urls", "root_urls", "asgi", "wsgi"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def open_comparisons(path: Path) -> set[str]:
    """Return the comparisons of two values by an operator in which a digest, a signature or a token is named."""
    operators = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    compared = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Compare)]
    return {
        f"{relative(path)}: {ast.unparse(node)}"
        for node in compared
        if any(isinstance(operator, operators) for operator in node.ops)
        and not any(isinstance(value, ast.Constant) for value in (node.left, *node.comparators))
        and SECRET.search(ast.unparse(node))
    }


def test_modules_and_functions_stay_within_their_limits() -> None:
    for path in SOURCES:
        assert path.read_text().count("\n") <= 400, relative(path)
        for function in functions(path):
            assert (function.end_lineno or 0) - function.lineno < 50, f"{relative(path)}: {function.name}"


def test_a_module_of_fewer_than_twenty_lines_has_a_reason() -> None:
    counted = {relative(path): path for path in SOURCES if path.stem not in SHORT_BY_NATURE}
    short = {name for name, path in counted.items() if path.read_text().count("\n") < 20}
    assert {name for name in short if not name.startswith(tuple(SHORT))} == set()
    assert {place for place in SHORT if not any(name.startswith(place) for name in short)} == set()


def test_every_module_says_in_a_sentence_what_lives_there() -> None:
    for path in SOURCES:
        if path.read_text().strip():
            assert ast.get_docstring(ast.parse(path.read_text())), relative(path)


def test_the_environment_is_read_in_the_settings_only() -> None:
    readers = {
        relative(path)
        for path in SOURCES
        if re.search(r"(?<!`)os\.environ(?!\.setdefault)|os\.getenv", path.read_text())
    }
    assert readers == {"cms/settings.py"}


def test_everything_is_caught_only_where_something_must_survive() -> None:
    catchers = {
        relative(path) for path in SOURCES if re.search(r"except (Exception|BaseException)\b|except:", path.read_text())
    }
    assert catchers <= SURVIVORS


def test_digests_signatures_and_tokens_are_compared_by_compare_digest_alone() -> None:
    """An operator stops at the first byte that differs, and the time it takes says which one that was."""
    assert {found for path in SOURCES for found in open_comparisons(path)} == OPEN_COMPARISONS


def test_no_module_has_a_name_that_says_nothing() -> None:
    named_by_django = {"cms/db/postgresql/base.py"}
    names = [relative(p) for p in SOURCES if p.stem in {"utils", "helpers", "common", "base", "misc"}]
    assert {*names} <= named_by_django


def test_the_core_of_the_canary_imports_a_short_list_only() -> None:
    """No module that reads a clock, draws a random number, or reaches a file or another process."""
    allowed = {
        *("array", "bisect", "collections", "dataclasses", "datetime", "fractions", "functools", "hashlib", "hmac"),
        *("itertools", "json", "math", "re", "struct", "sys", "typing", "urllib.parse", "zlib"),
    }
    for path in (ROOT / "canary/core").rglob("*.py"):
        nodes = [*ast.walk(ast.parse(path.read_text()))]
        names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
        names |= {str(n.module) for n in nodes if isinstance(n, ast.ImportFrom)}
        names = {name.removesuffix(".abc") for name in names if not name.startswith("canary.core.")}
        assert names <= allowed, f"{relative(path)}: {names - allowed}"


def test_the_policy_imports_nothing_of_the_domain_but_its_choices() -> None:
    """Not for annotations either, which `lint-imports` ignores: models import querysets, and these import the policy."""
    imported = re.findall(r"^\s*(?:from|import) (cms\S*)", (ROOT / "cms/policy.py").read_text(), re.MULTILINE)
    assert imported == ["cms.choices"]


def test_every_long_read_walks_by_key_or_has_a_reason_not_to() -> None:
    assert {relative(path) for path in SOURCES if ".iterator(" in path.read_text()} == {*STREAMS}


def test_no_rule_hides_in_save_or_in_signals() -> None:
    for path in (ROOT / "cms/models").rglob("*.py"):
        assert "save" not in {function.name for function in functions(path)}, relative(path)
    assert not [relative(p) for p in SOURCES if "django.dispatch" in p.read_text()]


def test_only_commands_views_and_middleware_read_a_clock() -> None:
    clock = re.compile(
        r"canary_conf\(\)\.(?:clock|now)\(|\bclock\.now\(|timezone\.now\(|datetime\.now\(|datetime\.utcnow\(|\btime\.time\("
    )
    allowed = (
        *(
            "management/",
            "views/",
            "canary/control_api/views.py",
            "canary/pages/views.py",
            "canary/pages/overview.py",
            "middleware.py",
            "cms/admin/",
            "cms/http/preview_pages.py",
        ),
        *("authentication.py", "credentials.py", "auth_backends.py", "accounts/sessions.py"),  # called by Django
        *(
            "canary/server.py",
            "canary/state/store.py",
            "canary/recording/flushing.py",
            "canary/recording/unanswered.py",
            "canary/shadow/offering.py",
            "canary/shadow/writes/sampling.py",
        ),  # turns of a thread
        "cms/clock.py",
        "canary/metrics/node.py",  # compares it with the age of files
        *("cms/readiness/stores.py", "canary/reporting/doctor.py"),  # compare the clocks
        "cms/services/mails.py",  # tasks, called by the worker
        "cms/transfers/jobs.py",
        "cms/rate_limits/ahead.py",  # its thread tells Redis when it does
        "api_v2/public_bodies/store.py",  # its entries end by the clock, whoever asks
    )
    readers = {relative(p) for p in SOURCES if clock.search(p.read_text())}
    assert not {name for name in readers if not any(part in name for part in allowed)}


def test_the_clock_is_one_that_all_processes_agree_on() -> None:
    """`cms.clock.now`, or in the canary the clock that the settings name; a machine's own may be wrong."""
    own = re.compile(r"timezone\.now|datetime\.now\(|datetime\.utcnow\(|\btime\.time\b")
    allowed = {
        *("cms/clock.py", "cms/readiness/stores.py"),  # compare it
        "canary/conf.py",  # for a site that names none
        *("canary/metrics/node.py", "canary/server.py"),  # with the age of files
    }
    assert {relative(p) for p in SOURCES if own.search(p.read_text())} == allowed


@pytest.mark.parametrize("pattern", [r"\bTODO\b", r"\bFIXME\b", r"\bXXX\b", r"NotImplementedError", r"print\("])
def test_nothing_is_left_unfinished(pattern: str) -> None:
    assert not [relative(p) for p in SOURCES if re.search(pattern, p.read_text()) and p.name != "wsgi.py"]


def test_the_project_holds_no_machine_paths_and_no_registry_hosts() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    wrong = re.compile(r"(^|[^.\w/-])/(work|home|root)/|pypi\.o" + r"rg|pythonh" + r"osted|registry\.npm" + r"js")
    texts = {name: (ROOT / name).read_text(errors="replace") for name in tracked if (ROOT / name).is_file()}
    assert not [name for name, text in texts.items() if wrong.search(text) and name != "tests/test_architecture.py"]


def test_no_test_keeps_its_examples_from_being_drawn_anew() -> None:
    """What a test says of this itself is stronger than the profile that `make soak` asks for."""
    pinned = re.compile(r"derandomize\s*=\s*(?!False\b)|@seed\(|@reproduce_failure\(")
    pinning = {relative(p) for p in (ROOT / "tests").rglob("*.py") if pinned.search(p.read_text())}
    assert pinning == {"tests/session.py"}  # the ordinary profile
