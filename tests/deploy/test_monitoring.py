"""Prometheus takes its rules, every alert fires when it should, and each dashboard asks for metrics that exist."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from canary.core.wording import NAMES
from canary.metrics.counters import COUNTERS, GAUGES, HISTOGRAM, HISTOGRAM_LABELS, SHADOW_RESULTS
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


VALUES: Final = {
    "version": {"1", "2", "none"},
    "status_class": {"1xx", "2xx", "3xx", "4xx", "5xx"},
    "result": {*SHADOW_RESULTS},
    "metric": {*NAMES, "overall"},
    "job": {"tandem"},
}
"""By label, what a query may ask for. Labels that are not here may have any value."""


def labels_of(name: str) -> set[str]:
    """The labels of a metric, and those that Prometheus itself adds."""
    known = {f"{counter}_total": labels for counter, (labels, _) in COUNTERS.items()}
    known |= {gauge: labels for gauge, (labels, _, _) in GAUGES.items()}
    known |= {f"{HISTOGRAM}_{end}": HISTOGRAM_LABELS for end in ("sum", "count")}
    known[f"{HISTOGRAM}_bucket"] = (*HISTOGRAM_LABELS, "le")
    return {*known.get(name, ()), "job", "instance"}


def unknown_in(expression: str) -> list[str]:
    """What a query asks for and `/metrics` never has: metrics, labels of a metric, values of a label."""
    names = names_in(expression)
    found = sorted(names - exposed_names())
    for name, selected in re.findall(r"(canary_\w+|up)\{([^}]*)\}", expression):
        for label, sign, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', selected):
            known = VALUES.get(label, {value})
            is_matched = any(re.fullmatch(value, one) for one in known) if "~" in sign else value in known
            found += [] if label in labels_of(name) and is_matched else [f"{name}{{{label}{sign}{value}}}"]
    grouped = {label.strip() for listed in re.findall(r"by \(([^)]*)\)", expression) for label in listed.split(",")}
    return found + sorted(grouped - {label for name in names for label in labels_of(name)})


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


def panels_of(dashboard: Path) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads(dashboard.read_text())["panels"]
    return panels


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
    assert [found for query in queries for found in unknown_in(query)] == []
    assert all(names_in(query) for query in queries)


def test_a_broken_query_and_an_unknown_metric_are_found(tmp_path: Path) -> None:
    assert not promtool_takes(tmp_path, ["sum(rate(canary_requests_total[1m])"])
    assert unknown_in("sum(canary_request_total)") == ["canary_request_total"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('sum(canary_shadow_total{result="diferent"})', ["canary_shadow_total{result=diferent}"]),
        ('sum(canary_shadow_total{result!~"refuse_.+"})', ["canary_shadow_total{result!~refuse_.+}"]),
        ('sum(canary_shed_total{version="2"})', ["canary_shed_total{version=2}"]),
        ("sum by (route) (canary_hangs_total)", ["route"]),
        ('sum by (version) (canary_hangs_total{version="2"})', []),
        ('sum by (le, route) (rate(canary_request_seconds_bucket{instance="a"}[5m]))', []),
    ],
)
def test_a_label_and_a_value_that_a_metric_never_has_are_found(query: str, found: list[str]) -> None:
    assert unknown_in(query) == found


def test_every_metric_has_a_panel() -> None:
    """A histogram has one if any of its series has."""
    shown = {name for path in DASHBOARDS for query in queries_of(path) for name in names_in(query)}
    shown = {re.sub(rf"^({HISTOGRAM})_(bucket|sum|count)$", r"\1", name) for name in shown}
    assert {*(f"{name}_total" for name in COUNTERS), *GAUGES, HISTOGRAM} - shown == set()


def test_no_panel_stands_twice() -> None:
    queries = [
        [t["expr"] for t in panel["targets"]] for path in DASHBOARDS for panel in panels_of(path) if "targets" in panel
    ]
    assert len(queries) == len({tuple(sorted(each)) for each in queries})


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_stand_in_rows_and_none_covers_another(dashboard: Path) -> None:
    panels = panels_of(dashboard)
    assert panels[0]["type"] == "row"
    for name in ("id", "title"):
        assert len({panel[name] for panel in panels}) == len(panels)
    places: list[tuple[int, int]] = []
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        places += [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
    assert len(places) == len(set(places))
    assert [panel["gridPos"]["y"] for panel in panels] == sorted(panel["gridPos"]["y"] for panel in panels)


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
    assert [found for rule in rules.values() for found in unknown_in(rule["expr"])] == []
    assert {rule["labels"]["severity"] for rule in rules.values()} <= {"critical", "warning"}


def test_a_rule_that_no_longer_fires_is_found(tmp_path: Path) -> None:
    shutil.copy(PROMETHEUS / "alerts_test.yml", tmp_path)
    text = (PROMETHEUS / "alerts.yml").read_text()
    (tmp_path / "alerts.yml").write_text(text.replace('up{job="tandem"} == 0', 'up{job="tandem"} == 2'))
    assert run("promtool", "test", "rules", tmp_path / "alerts_test.yml").returncode != 0


def test_prometheus_asks_each_web_process_for_itself() -> None:
    [job] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["web-1:8000", "web-2:8000"]}]
