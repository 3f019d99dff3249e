"""Prometheus takes its rules, every alert fires when it should, and each dashboard asks for metrics that exist."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from canary.metrics.exposition import exposition
from tests.deploy.tools import ROOT, run

PROMETHEUS: Final = ROOT / "deploy/prometheus"
DASHBOARDS: Final = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))


def exposed_names() -> set[str]:
    """Every name that `/metrics` may have, and what Prometheus itself adds."""
    names = {"up"}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", exposition(None, []).decode(), re.MULTILINE):
        names |= {f"{name}_{end}" for end in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return names


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:canary_\w+|up)\b(?!\s*\()", expression))


def queries_of(dashboard: Path) -> list[str]:
    def walk(node: Any) -> list[str]:
        if isinstance(node, dict):
            return ([node["expr"]] if "expr" in node else []) + [
                found for value in node.values() for found in walk(value)
            ]
        return [found for value in node for found in walk(value)] if isinstance(node, list) else []

    return walk(json.loads(dashboard.read_text()))


def promtool_takes(folder: Path, expressions: list[str]) -> bool:
    rules = [{"record": f"query:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    return run("promtool", "check", "rules", folder / "rules.yml").returncode == 0


def test_what_metrics_there_are_is_read_from_the_exposition() -> None:
    assert {"canary_requests_total", "canary_request_seconds_bucket", "canary_weight_bp"} <= exposed_names()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_what_promtool_understands_and_metrics_has(dashboard: Path, tmp_path: Path) -> None:
    queries = queries_of(dashboard)
    assert len(queries) > 5
    assert promtool_takes(tmp_path, queries)
    assert {name for query in queries for name in names_in(query)} <= exposed_names()
    assert all(names_in(query) for query in queries)


def test_a_broken_query_and_an_unknown_metric_are_found(tmp_path: Path) -> None:
    assert not promtool_takes(tmp_path, ["sum(rate(canary_requests_total[1m])"])
    assert not names_in("sum(canary_request_total)") <= exposed_names()


def test_dashboards_are_named_apart_and_use_the_provisioned_source() -> None:
    parsed = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert len({board["uid"] for board in parsed}) == len(parsed) == 2
    provisioned = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())
    [source] = provisioned["datasources"]
    for path in DASHBOARDS:
        assert set(re.findall(r'"type": "prometheus",\s*"uid": "([^"]+)"', path.read_text())) <= {source["uid"]}


def test_promtool_takes_the_configuration_and_its_rules() -> None:
    checked = run("promtool", "check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    rules = run("promtool", "check", "rules", "--lint-fatal", PROMETHEUS / "alerts.yml")
    assert rules.returncode == 0, rules.stdout + rules.stderr


def test_every_alert_fires_and_stays_quiet_when_it_should() -> None:
    done = run("promtool", "test", "rules", PROMETHEUS / "alerts_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_both_ways_and_asks_for_metrics_that_there_are() -> None:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    expected = [one for test in tests for one in test["alert_rule_test"]]
    assert {one["alertname"] for one in expected if one["exp_alerts"]} == set(rules)
    assert {one["alertname"] for one in expected if not one["exp_alerts"]} == set(rules)
    assert {name for rule in rules.values() for name in names_in(rule["expr"])} <= exposed_names()
    assert {rule["labels"]["severity"] for rule in rules.values()} <= {"critical", "warning"}


def test_a_rule_that_no_longer_fires_is_found(tmp_path: Path) -> None:
    shutil.copy(PROMETHEUS / "alerts_test.yml", tmp_path)
    text = (PROMETHEUS / "alerts.yml").read_text()
    (tmp_path / "alerts.yml").write_text(text.replace('up{job="tandem"} == 0', 'up{job="tandem"} == 2'))
    assert run("promtool", "test", "rules", tmp_path / "alerts_test.yml").returncode != 0


def test_prometheus_asks_each_web_process_for_itself() -> None:
    [job] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["web-1:8000", "web-2:8000"]}]
