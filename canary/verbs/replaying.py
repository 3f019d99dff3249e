"""The verb `replay`: each verdict of a release computed again, and compared with the stored one."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from canary.core.permissions import VIEW
from canary.reporting.replaying import EQUAL, UNKNOWN, replay
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_count
from canary.verbs.wording import plural

SENTENCE_SHOWN: Final = 100
CHECKPOINT: Final = {
    EQUAL: "The checkpoint of the evidence comes out again, to the last observation.",
    UNKNOWN: "The release has no checkpoint of its evidence to compare.",
}


def _replay(call: Call) -> dict[str, Any]:
    return replay(call.values["release"], call.now)


def _say_replayed(result: Mapping[str, Any]) -> Iterator[str]:
    for one in result["results"]:
        yield "{result:<7}  {at:.19}  {what:<8}  {sentence:.{width}}".format(**one, width=SENTENCE_SHOWN)
        if one["result"] != EQUAL:
            yield f"         {_about(one)}"
    if result["missing"]:
        deleted = plural(result["missing"], "observation was", "observations were")
        yield f"{deleted} deleted, so not all can be computed."
    if sentence := CHECKPOINT.get(result["checkpoint"]):
        yield sentence
    yield from result["notes"]
    counts = ", ".join(f"{count} {word}" for word, count in result["counts"].items())
    yield f"Release {result['release']}: {counts}."


def _about(one: Mapping[str, Any]) -> str:
    return "; ".join(filter(None, (one["why"], f"differs in {', '.join(one['differs'])}" if one["differs"] else "")))


VERBS = (
    Verb(
        ("replay",),
        "compute each verdict of a release again from its observations, and compare it with the stored one",
        VIEW,
        _replay,
        _say_replayed,
        (
            Option(
                "release",
                "number of the release",
                parse_count,
                is_positional=True,
                is_required=True,
                is_number=True,
            ),
        ),
        is_local=True,
    ),
)
