"""A gate that is a SQL statement of one number, in a snapshot in which nothing can be written.

`%(since)s`, `%(candidate)s` and `%(stable)s` in it stand for the beginning of the stage and the versions.
"""

from decimal import Decimal

from django.db import DatabaseError, connection

from canary.core.gates import Gate, GateResult
from canary.gates.questions import GateFault, Question
from canary.shadow.snapshots import read_only_snapshot


def count(gate: Gate, question: Question) -> GateResult:
    since = connection.ops.adapt_datetimefield_value(question.since)
    asked = {"since": since, "candidate": question.candidate, "stable": question.stable}
    try:
        with read_only_snapshot(gate.timeout_s), connection.cursor() as cursor:
            cursor.execute(gate.target, asked)
            row = cursor.fetchone()
    except DatabaseError as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise GateFault(f"the statement fails: {first_line}") from error
    if row is None or len(row) != 1 or not isinstance(row[0], int | float | Decimal):
        raise GateFault("the statement returns no single number")
    number = float(row[0])
    return GateResult.within(number, f"{number:.4g} counted", gate.options["limit"], gate.options.get("harm"))
