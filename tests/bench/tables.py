"""The results as text: for a terminal, and as the tables of docs/performance.md and README.md."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

SERVERS: Final = {"v1": "v1", "v2": "v2", "drf": "plain DRF", "empty": "empty view"}
ENDPOINTS: Final = {
    "post_get": "one post",
    "post_list": "list of 20 posts",
    "tag_list": "list of 100 tags",
    "search": "search",
    "create": "create a post",
    "edit": "edit a post",
    "register": "register",
    "login": "log in",
    "mixed": "9 reads, 1 create",
}


def side(row: Mapping[str, Any]) -> str:
    name = SERVERS[row["server"]]
    return name if row["cache"] == "none" else f"{name} {row['cache']}"


def number(value: float | None) -> str:
    """With as many digits as mean something."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def whole(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def verdict(ratio: Mapping[str, Any]) -> str:
    return "-" if not ratio["bound"] else "ok" if ratio["ok"] else "MISSED"


def wanted(ratio: Mapping[str, Any]) -> str:
    bound = {"<=": "≤", ">=": "≥", "": ""}[ratio["bound"]]
    return f"{bound} {ratio['target']:.3g}" if bound else "-"


def print_tables(report: Mapping[str, Any]) -> None:
    for table in (rows_table(report), ratios_table(report)):
        print("\n".join(_aligned(table)), end="\n\n")
    memory = ", ".join(f"{name} {size:.0f} MB" for name, size in report["memory_mb"].items())
    print(f"Memory of a worker: {memory}. It took {report['run']['took_s']} s.")


def rows_table(report: Mapping[str, Any]) -> list[list[str]]:
    head = [
        "endpoint",
        "server",
        "req/s",
        "CPU ms",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "SQL",
        "DB ms",
        "p50 alone",
        "p50 at 80 %",
        "p99 at 80 %",
    ]
    unloaded = {(row["endpoint"], side(row)): row for row in report["unloaded"]}
    paced = {(row["endpoint"], side(row)): row for row in report["at_80_percent"]}
    database = database_ms(report)
    table = [head]
    for row in report["rows"]:
        key = (row["endpoint"], side(row))
        times = [number(row[name]) for name in ("requests_per_s", "cpu_ms", "p50_ms", "p95_ms", "p99_ms")]
        late = [unloaded[key]["p50_ms"], *(paced.get(key, {}).get(name) for name in ("p50_ms", "p99_ms"))]
        known = [whole(row["sql"]), *map(number, (database.get(key), *late))]
        table.append([ENDPOINTS[row["endpoint"]], side(row), *times, *known])
    return table


def database_ms(report: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """PostgreSQL's processor time of a request, by endpoint and server."""
    return {(row["endpoint"], side(row)): row["cpu_ms"] for row in report["database"]}


def ratios_table(report: Mapping[str, Any]) -> list[list[str]]:
    table = [["figure", "median", "wanted", "", "least", "greatest"]]
    for name, ratio in report["ratios"].items():
        median, least, greatest = (number(ratio[each]) for each in ("median", "min", "max"))
        table.append([name, median, wanted(ratio), verdict(ratio), least, greatest])
    return table


def markdown(table: Sequence[Sequence[str]], words: int) -> str:
    """The first `words` columns hold words, the others numbers."""
    head, *rows = table
    rule = ["---" if column < words else "--:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _aligned(table: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (
            cell.rjust(width) if place and cell[:1].isdigit() else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
