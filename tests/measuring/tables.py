"""Figures as text, and tables in Markdown."""

from collections.abc import Sequence


def number(value: float) -> str:
    """Write it with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def markdown(table: Sequence[Sequence[str]], words: int) -> str:
    """The first `words` columns hold words, the others numbers."""
    head, *rows = table
    rule = ["---" if column < words else "--:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
