"""The documents name what there is: settings, commands, routes, targets, links; and the limits of their length."""

import argparse
import ast
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import URLPattern, URLResolver, get_resolver

from canary.core.breakers import Limits, crashes, failures, latency, refusals
from canary.core.routing import bulkhead
from canary.core.statistics.certificate import MAX_ERRORS, Safety
from canary.core.statistics.comparison import LIMITS
from cms import policy
from scripts.roles.table import PAGE, missing, page_with_tables

ROOT = Path(__file__).resolve().parent.parent
README, ARCHITECTURE = (ROOT / "README.md").read_text(), (ROOT / "ARCHITECTURE.md").read_text()
DOCUMENTS = [path for place in ("*.md", "docs/**/*.md", "tests/**/*.md") for path in ROOT.glob(place)]


def environment_variables() -> set[str]:
    """The first argument of every `env.…("NAME", …)` in the settings."""
    calls = [n for n in ast.walk(ast.parse((ROOT / "cms/settings.py").read_text())) if isinstance(n, ast.Call)]
    of_env = [c for c in calls if isinstance(c.func, ast.Attribute) and ast.unparse(c.func.value) == "env"]
    return {c.args[0].value for c in of_env if isinstance(c.args[0], ast.Constant) and isinstance(c.args[0].value, str)}


def own_commands() -> list[str]:
    return sorted(name for name, app in get_commands().items() if app in ("cms", "canary"))


def own_options(command: str) -> set[str]:
    """The long options of a command and of its verbs, without Django's own."""
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    django = load_command_class("django.core", "migrate").create_parser("manage.py", "migrate")
    common = {option for action in django._actions for option in action.option_strings}
    parsers = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            parsers += action.choices.values()
    found = {o for p in parsers for a in p._actions for o in a.option_strings if o.startswith("--")}
    return found - common


def routes(urlconf: str) -> set[str]:
    """The paths of an API version below its base, with `{…}` for what varies."""

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> set[str]:
        found: set[str] = set()
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            found |= walk(pattern.url_patterns, route) if isinstance(pattern, URLResolver) else {route}
        return found

    return {re.sub(r"<[^>]+>", "{}", route).strip("^$/") for route in walk(get_resolver(urlconf).url_patterns, "")}


def headings_of(text: str) -> set[str]:
    """As GitHub makes addresses of them."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_changelog_lists_each_change_of_a_release_once() -> None:
    """Git's union merge, which keeps the lines of both sides, can repeat a whole section."""
    for release in re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE):
        headings = re.findall(r"^### .+$", release, re.MULTILINE)
        changes = [" ".join(change.split()) for change in re.split(r"^(?:- |###)", release, flags=re.MULTILINE)[1:]]
        for found in (headings, changes):
            assert [each for each in set(found) if found.count(each) > 1] == []


def test_every_setting_is_documented_with_its_default() -> None:
    settings, example = (ROOT / "docs/settings.md").read_text(), (ROOT / ".env.example").read_text()
    names = environment_variables()
    assert "DATABASE_URL" in names
    for name in names:
        assert settings.count(f"| `{name}` |") == 1, name
        assert re.search(rf"^{name}=", example, re.MULTILINE), name


def test_every_variable_that_a_guide_sets_is_a_setting() -> None:
    guides = "".join(path.read_text() for path in (ROOT / "docs/guides").glob("*.md"))
    named = set(re.findall(r"^ *(?:export )?([A-Z][A-Z0-9_]+)=", guides, re.MULTILINE))
    assert "TRUSTED_PROXIES" in named
    assert named <= environment_variables()


@pytest.mark.parametrize("command", own_commands())
def test_every_command_and_option_is_documented(command: str) -> None:
    text = "".join(path.read_text() for path in DOCUMENTS)
    assert f"manage.py {command}" in text
    missing = {option for option in own_options(command) if option not in text}
    assert not missing


@pytest.mark.parametrize("version", settings.CANARY["ARMS"])
def test_every_route_is_documented_under_its_version(version: int) -> None:
    text = (ROOT / f"docs/api-v{version}.md").read_text()
    documented = {re.sub(r"\{[^}]+\}", "{}", path).lstrip("/") for path in re.findall(r"`(/[^`]*)`", text)}
    named = {route for route in routes(f"api_v{version}.urls") if re.fullmatch(r"[a-z{}/-]+", route)}
    assert len(named) > 10
    assert named <= documented


def test_every_make_target_that_a_document_names_exists_and_has_a_sentence() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):.*## ", makefile, re.MULTILINE))
    assert set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()) == targets  # type: ignore[index]
    named = {
        m for path in DOCUMENTS for m in re.findall(r"(?:`|^)make ([a-z][a-z-]*)[`\s]", path.read_text(), re.MULTILINE)
    }
    assert named
    assert named <= targets


def test_every_alert_and_no_other_has_its_row_in_the_operators_guide() -> None:
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "deploy/prometheus/alerts.yml").read_text())
    guide = (ROOT / "docs/operations.md").read_text().split("## What the alerts mean")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", guide, re.MULTILINE)
    assert len(alerts) >= 10
    assert sorted(rows) == sorted(alerts)


def test_the_figures_of_the_page_about_the_canary_are_those_of_the_code() -> None:
    page = " ".join((ROOT / "docs/canary.md").read_text().split())
    needed, more = (Safety(MAX_ERRORS, 0, failing).clean_missing for failing in (0, 1))
    names = {"error": "errors", "latency": "latency", "pair_error": "errors of pairs", "pair_time": "times of pairs"}
    said = (
        f"It takes {needed} users of v2 without an error, and {more - needed} more for the first user with one",
        f"up to {failures.FURTHEST_S // 60} minutes where they are fewer",
        f"`--total-failure` ({Limits().total_failure:.0%})".replace("%", " %")
        + " of v2's answers to its users of the last 5 min",
        f"more than `--max-crashes` ({Limits().max_crashes}) workers died within {crashes.WINDOW_S // 60} minutes",
        f"users, and {failures.LEAST_FAILING} at least, had a failed answer in the last {failures.QUARTER_S // 60} minutes",
        f"each with {latency.LEAST_REQUESTS} requests of {latency.LEAST_UNITS} users",
        f"reads of {refusals.LEAST_UNITS} users that v2 refused",
        f"answers at most {bulkhead(8, 5_000)} requests of v2 at a time up to 50 %, rising to {bulkhead(8, 10_000)}",
        *(f"| {names[test]} | {limit:.0f} | {100 / limit:g} % |" for test, limit in LIMITS.items()),
    )
    assert [words for words in said if words not in page] == []


def test_the_page_about_roles_has_the_answers_of_the_policy() -> None:
    assert PAGE.read_text() == page_with_tables(PAGE.read_text())  # python -m scripts.roles


def test_every_predicate_of_the_policy_has_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing() == set()

    def may_fly(actor: policy.Actor) -> bool:
        return actor.is_active

    may_fly.__module__ = policy.__name__
    monkeypatch.setattr(policy, "may_fly", may_fly, raising=False)
    assert missing() == {"may_fly"}


def test_every_link_to_a_heading_finds_it() -> None:
    headings = {path: headings_of(path.read_text()) for path in DOCUMENTS}
    for path in DOCUMENTS:
        for target, heading in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", path.read_text()):
            found = (path.parent / target).resolve() if target else path
            assert heading in headings.get(found, {heading}), f"{path.name}: {target}#{heading}"


def test_every_relative_link_leads_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_each_decision_is_listed_by_its_title() -> None:
    rows = re.findall(r"^\| \d.*$", (ROOT / "docs/adr/README.md").read_text(), re.MULTILINE)
    titles = {path: path.read_text().split("\n")[0] for path in sorted((ROOT / "docs/adr").glob("0*.md"))}
    expected = [re.sub(r"# (\d+)\. (.+)", rf"| \1 | [\2]({path.name}) |", title) for path, title in titles.items()]
    assert rows == expected


def test_the_guide_to_the_tests_names_every_folder_and_module_beside_them() -> None:
    guide = (ROOT / "tests/README.md").read_text()
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/*.py")}
    modules = {path.name for path in (ROOT / "tests").glob("*.py")} - {"__init__.py"}
    named = set(re.findall(r"`([\w./]+)`", guide))
    assert {f"{folder}/" for folder in folders} <= named
    assert {module for module in modules if not module.startswith("test_")} <= named


def test_the_japanese_front_page_has_the_commands_and_links_of_the_english_one() -> None:
    def facts(text: str) -> tuple[list[str], set[str]]:
        blocks = "".join(re.findall(r"```sh\b(.*?)```", text, re.DOTALL))
        return re.sub(r" +#.*", "", blocks).splitlines(), set(re.findall(r"\]\((?!README)([^)#]+)", text))

    assert facts((ROOT / "README.ja.md").read_text()) == facts(README)


def test_the_entry_documents_stay_short() -> None:
    assert README.count("\n") <= 150
    assert ARCHITECTURE.count("\n") <= 200
