"""The verb `shadow-writes`: writes of v1 from a file, run by both versions on copies of the rows."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from canary.core.names import in_names, names_from
from canary.core.permissions import RAMP
from canary.errors import Refused
from canary.shadow.writes.replaying import replay_writes
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_text
from canary.verbs.wording import one_line, plural


def _shadow_writes(call: Call) -> dict[str, Any]:
    file = Path(call.values["file"])
    try:
        lines = file.read_text().split("\n")  # a string of JSON may hold other line breaks, such as U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("no-file", f"{file} can't be read: {error}.") from error
    result = replay_writes(lines, call.now)
    wrong = sum(one["result"] == "different" for one in result["writes"])
    return result | ({"error": f"{plural(wrong, 'write differs', 'writes differ')}."} if wrong else {})


def _say_found(result: Mapping[str, Any]) -> Iterator[str]:
    names = names_from(result)
    for one in result["writes"]:
        error = in_names(one["error"], names)
        yield one_line(f"{one['result']:<12}  line {one['line']}: {one['route']}  {error}".rstrip())
        for found in one["differences"]:
            values = f"v{names.stable} {found['v1']}, v{names.candidate} {found['v2']}"
            yield one_line(f"              {found['path'] or 'the answer'}: {found['kind']}, {values}")
    counts = Counter(one["result"] for one in result["writes"])
    told = ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or "nothing to play"
    yield f"Release {result['release']}: {told}."


VERBS = (
    Verb(
        ("shadow-writes",),
        "play writes of v1 from a file through both versions on copies of the rows, and compare what they change",
        RAMP,
        _shadow_writes,
        _say_found,
        (
            Option(
                "file",
                "a file with a JSON object a line: method, path, body, identity, headers",
                parse_text,
                is_positional=True,
                is_required=True,
            ),
        ),
        is_local=True,
    ),
)
