"""What a run of `make scale` or `make memory` makes of its figures."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.scale.measuring import Measured
from tests.scale.memory import growth_mb, report
from tests.scale.report import chart, rows_of, table, targets_of

SIZES = (1_000, 10_000, 1_000_000)


def measured(*times_ms: float, endpoint: str = "v2 post get") -> dict[tuple[str, int], Measured]:
    """So long at each of the sizes."""
    return {(endpoint, size): Measured([ms] * 20, 0.1, 0.2) for size, ms in zip(SIZES, times_ms, strict=True)}


@pytest.mark.parametrize("endpoint", ["v2 post get", "v1 list, first page", "v1 tag page, common"])
@pytest.mark.parametrize(("at_a_million", "is_ok"), [(3.0, True), (3.1, False)])
def test_growth_from_ten_thousand_posts_has_a_bound(endpoint: str, at_a_million: float, is_ok: bool) -> None:
    [target] = targets_of(rows_of(measured(1.0, 2.0, at_a_million, endpoint=endpoint)))
    assert (target["value"], target["bound"], target["ok"]) == (at_a_million / 2, 1.5, is_ok)


@pytest.mark.parametrize(("at_a_million", "is_ok"), [(299.0, True), (301.0, False)])
def test_a_search_has_a_bound_of_its_own(at_a_million: float, is_ok: bool) -> None:
    [target] = targets_of(rows_of(measured(1.0, 2.0, at_a_million, endpoint="v2 search, common word")))
    assert (target["bound"], target["ok"]) == (300, is_ok)


def test_the_chart_is_xml_with_a_panel_for_each_endpoint() -> None:
    found = measured(1.0, 2.0, 3.0) | measured(4.0, 5.0, 600.0, endpoint="v1 search & more")
    root = ET.fromstring(chart(rows_of(found)))
    assert len(root.findall("{*}g")) == 2
    assert len(root.findall(".//{*}polyline")) == 4


def test_the_table_has_every_size() -> None:
    by_size = {str(size): 12.0 for size in SIZES}
    report = {"sizes": SIZES, "rows": rows_of(measured(1, 2, 3)), "database_mb": by_size, "memory_mb": by_size}
    assert "| v2 post get | 1.0 (1.0) | 2.0 (2.0) | 3.0 (3.0) | 5.0 + 10.0 |" in table(report)


def test_memory_that_settles_is_flat_and_memory_that_leaks_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.scale.memory.RESULT", tmp_path / "build/memory.json")
    settled = [(n, 100 + min(n, 150) * 0.2 + n % 3 * 0.1) for n in range(1_001)]
    leaking = [(n, 100 + n * 0.01) for n in range(1_001)]
    assert abs(growth_mb(settled)) < 0.5
    assert growth_mb(leaking) == pytest.approx(8)
    assert (report(settled, 1), report(leaking, 1)) == (0, 1)
    assert "GROWING" in capsys.readouterr().out
