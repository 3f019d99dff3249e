"""What other projects may rely on: a list that changes with the version of the package, and its page."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from canary import successors
from canary.conf import KEYS, canary_conf

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/library.md").read_text()
NAMES = {
    "canary.__version__",
    "canary.middleware.CanaryMiddleware",
    "canary.server.serve",
    "canary.pages.urls",
    "canary.control_api.urls",
    "canary.metrics.scraping",
    "canary.successors",
    "canary.gates.GateResult",
    "canary.notices.sending.send_notice",
    "canary.reporting.readiness.versions_answer",
    "canary.reporting.readiness.weight_as_planned",
    "canary.reporting.readiness.controller_turns",
    "canary.reporting.readiness.rollback_was_drilled",
    "canary.pages.overview.rollout_line",
}
PERMISSIONS = {f"canary.{name}" for name in ("view", "ramp", "rollback", "lifecycle", "synthetic")}
SUCCESSORS = ["PARAMETER_RULES", "RULES", "answer", "gap", "parameter", "route", "shape", "validate"]
SETTINGS = {
    *(
        "ANONYMOUS_CONSUMERS",
        "APPROVAL",
        "ARMS",
        "BUILD",
        "BULKHEAD",
        "CANDIDATE",
        "CLOCK",
        "CODE",
        "CONTACTS",
        "DEBT",
        "DOCS",
        "ENTRANCE",
        "EVIDENCE_UNIT",
    ),
    *(
        "FAILOVER",
        "FREEZES",
        "GATES",
        "TIME_ZONE",
        "GUIDE",
        "HANG_S",
        "HAS_SCOPE",
        "SHADOW_WRITES",
        "IDENTIFY",
        "IS_AWAY",
        "IS_EXCLUDED",
        "IS_V1_ENABLED",
    ),
    *("IS_CANDIDATE_ENABLED", "IS_STABLE_ENABLED", "STABLE"),
    *("IS_V2_ENABLED", "LATENCY_MARGIN_BP", "LIST_IDENTITIES", "MAX_CRASHES", "MAX_ERRORS_BP", "MAX_REFUSALS_BP"),
    *(
        "MAX_SLOWDOWN",
        "METRICS_TOKEN",
        "NOTIFY",
        "NOTIFY_BY",
        "NOTIFY_CONSUMERS",
        "NOTIFY_QUIET_S",
        "NOTIFY_URLS",
        "PAGE_URL",
        "PROBE",
        "PROBLEM_TYPE",
        "RETENTION_DAYS",
    ),
    *("SHADOW_BP", "SHADOW_CPU_BP", "SQL_BUDGET", "SUCCESSORS", "TOTAL_FAILURE_BP", "TRUSTED_PROXIES"),
    *("UNGUARDED_S", "WARM_UP_S", "WEB_THREADS", "WEIGHT_BP"),
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_public_name_exists_and_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE
    module, _, attribute = name.rpartition(".")
    assert hasattr(import_module(module), attribute) or import_module(name)


def test_the_functions_for_a_mapping_are_these() -> None:
    assert sorted(successors.__all__) == SUCCESSORS
    assert all(hasattr(successors, name) for name in SUCCESSORS)


def test_the_settings_are_these_and_each_is_documented_once() -> None:
    assert KEYS == SETTINGS
    rows = re.findall(r"^\| ((?:`[A-Z][A-Z0-9_]+`(?:, )?)+) \|", PAGE.partition("## The mapping")[0], re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(documented) == sorted(SETTINGS)


def test_each_rule_of_a_mapping_is_documented() -> None:
    tables = PAGE.partition("## The mapping")[2]
    of_this_site = {"state", "tag_names", "category_names"}  # of Tandem's posts
    for rule in (successors.RULES | successors.PARAMETER_RULES) - of_this_site:
        assert f"`{rule}`" in tables, rule


def test_this_site_uses_the_public_names_alone() -> None:
    files = [path for name in ("cms", "api_v1", "api_v2") for path in (ROOT / name).rglob("*.py")]
    used = {name for path in files for name in re.findall(r'"(canary\.[a-zA-Z_.]+)"', path.read_text())}
    assert "canary.server.serve" in used
    assert used - {"canary.apps.CanaryConfig"} <= NAMES | PERMISSIONS


def test_the_defaults_of_the_page_are_those_of_the_code(settings: object) -> None:
    settings.CANARY = {"ARMS": {1: "a", 2: "b"}}  # type: ignore[attr-defined]
    conf = canary_conf()
    numbers = {
        "WEB_THREADS": conf.web_threads,
        "HANG_S": int(conf.hang_s),
        "WARM_UP_S": conf.warm_up_s,
        "UNGUARDED_S": conf.unguarded_s,
        "SHADOW_BP": conf.shadow_bp,
        "SHADOW_CPU_BP": conf.shadow_cpu_bp,
        "LATENCY_MARGIN_BP": round(conf.latency_margin * 10_000),
        "SQL_BUDGET": conf.sql_budget,
        "NOTIFY_QUIET_S": conf.notify_quiet_s,
        "RETENTION_DAYS": conf.retention_days,
        "ANONYMOUS_CONSUMERS": conf.anonymous_consumers,
        **{name.upper(): getattr(conf.limits, name) for name in type(conf.limits).__slots__},
    }
    for name, value in numbers.items():
        assert f"| `{name}` | {value} |" in PAGE, name
