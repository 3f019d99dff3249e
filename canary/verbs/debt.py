"""The verb `debt`: what a rollback would hide from the clients of v1."""

from collections.abc import Iterator, Mapping
from typing import Any

from canary.core.names import in_names, names_from
from canary.core.permissions import VIEW
from canary.reporting.debt import UNDECLARED, rollback_debt
from canary.verbs.declaring import Call, Verb
from canary.verbs.wording import percent, plural


def _debt(call: Call) -> dict[str, Any]:
    return rollback_debt(call.now)


def _say_debt(result: Mapping[str, Any]) -> Iterator[str]:
    if not result["is_declared"]:
        yield UNDECLARED
        return
    sentence = f"v2 has {percent(result['weight_bp'])} now. A rollback would hide from v1's clients:"
    yield in_names(sentence, names_from(result))
    for one in result["features"]:
        yield f"  {one['feature']}: {plural(one['count'], 'row', 'rows')}"
        yield from (f"    {example['id']}  {example['name']}" for example in one["examples"])


VERBS = (
    Verb(
        ("debt",),
        "count the rows that hold what v1 can't show, by feature, with examples",
        VIEW,
        _debt,
        _say_debt,
        is_local=True,
    ),
)
