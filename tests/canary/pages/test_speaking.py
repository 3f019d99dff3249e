"""Sentences of the core and the services, as a page in another language has them."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

import canary
from canary.pages.sentences import TEMPLATES
from canary.pages.speaking import spoken, told
from tests.canary.pages import worlds
from tests.canary.pages.seen import HARMING

ROOT = Path(canary.__file__).parent
SAYING = (
    *(
        "core/wording.py",
        "core/policy.py",
        "core/findings.py",
        "core/consumers.py",
        "core/lifecycle.py",
        "core/plans.py",
    ),
    *("core/power/wording.py", "core/power/planning.py", "core/breakers/failures.py", "core/breakers/latency.py"),
    *("core/breakers/crashes.py", "core/breakers/refusals.py", "core/breakers/limits.py", "state/guard.py"),
    *("services/plans.py", "services/weights.py", "services/guarding.py", "services/differences.py"),
    *("core/calendar.py", "core/approvals.py", "services/waiting.py", "services/approvals.py", "services/freezing.py"),
    *("verbs/parsing.py", "verbs/performing.py", "core/crossover.py", "core/crossover_verdict.py"),
    *("services/crossovers.py", "reporting/crossover.py"),
)
"""Modules with sentences that the page shows."""
NOT_SHOWN = (
    *("a deprecated version has", "an active version has", "a version that is gone", "a version with brownouts"),
    *("the sunset's execution", "and only then", "dates are kept", "its dates are", "the state is none"),
    "a brownout of one consumer begins",
    *("is not a head", "as `history", "upper 95", "% or more", "an ISO 8601 date", "in UTC unless"),
    *("lifecycle brownout add", "This release has no crossover", "at 0 % and without a plan"),
)
"""Of code that holds impossible dates, of the command line alone, or within another sentence."""
NUMBER = re.compile(r"[0-9.]*[0-9]")
MARKS = re.compile(r"%\(\w+\)s|\{[^{}]*\}|[;:,.()]+(?= |$)|`[^`]*`")


def _said(path: str) -> Iterator[str]:
    """The texts between the values of each sentence in a module."""
    tree = ast.parse((ROOT / path).read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from (part.strip() for part in MARKS.split(node.value))


@pytest.mark.parametrize("path", SAYING)
def test_each_sentence_has_a_template(path: str) -> None:
    known = "\n".join(MARKS.sub("\n", template).replace("%%", "%") for template in TEMPLATES)
    parts = {part for part in _said(path) if re.search(r"[a-z]+ [a-z]+ [a-z]+", part)}
    missing = [part for part in sorted(parts) if part not in known and not part.startswith(NOT_SHOWN)]
    assert missing == [], "add a template to canary/pages/sentences/, then run `make messages` and translate it"


@pytest.mark.parametrize("sentence", [worlds.PASSED, HARMING, worlds.PASSING])
def test_a_verdict_is_told_whole_with_its_numbers(sentence: str) -> None:
    with translation.override("ja"):
        said = spoken(sentence)
    assert set(re.findall(r"[A-Za-z]{2,}", said)) <= {"GET", "search", "SQL"}
    assert not Counter(NUMBER.findall(sentence)) - Counter(NUMBER.findall(said))


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "v2 takes workers down: 3 died within the last 10 min while they answered 7 requests of v2 (rule: more than 2"
            " within 10 min)",
            "v2 がワーカーを停止させています：直近10分に3個が v2 の7リクエストの応答中に停止しました"
            "（規則：10分以内に2個を超える）",
        ),
        (
            "shadow reads differ in 2 places that no declared mapping explains: GET /posts at /data/title (value, 9 reads),"
            " and 1 more (rule: none may differ)",
            "宣言済みの対応で説明できない差異がシャドーリードの2か所にあります：GET /posts の /data/title（value、9回）、"
            "ほか1か所（規則：差異は一つも許されません）",
        ),
        ("25 min", "25分"),
        (
            "Hold at 10 %: no step up before 2026-12-07T08:00+01:00 (freeze Fri 12:00/Mon 08:00). All else passes.",
            "10 %で保留：2026-12-07T08:00+01:00 より前は引き上げられません（凍結期間 Fri 12:00/Mon 08:00）。"
            "その他はすべて合格しています。",
        ),
        (
            "Hold at 10 %: gate orders holds at 0.8: fewer orders; gate p99 has not answered yet.",
            "10 %で保留：ゲート orders が保留（0.8）：fewer orders；ゲート p99 はまだ応答していません。",
        ),
        (
            "Calls of v1 without a proven name in the last 14 days: 7 of 1,205. The sunset does not wait for them: their"
            " clients get 410 from then on.",
            "直近14日間に、認証情報で確認されていない利用元からの v1 の呼び出し：1,205件中7件。"
            "提供終了はこれらの呼び出しがなくなるのを待ちません。"
            "提供終了後、これらのクライアントには 410 が返されます。",
        ),
        (
            "There is no rollback to acknowledge.",
            "確認するロールバックはありません。",
        ),
    ],
)
def test_a_sentence_is_told_with_its_values(sentence: str, said: str) -> None:
    with translation.override("ja"):
        assert spoken(sentence) == said


@pytest.mark.parametrize("reason", ["Rolled out. All went well; see the wiki.", "asked for it", "It was late, so no."])
def test_a_reason_of_a_person_stays_as_it_was_written(reason: str) -> None:
    with translation.override("ja"):
        assert spoken(reason) == reason


def test_in_english_nothing_changes() -> None:
    assert spoken(HARMING) == HARMING
    assert told("end the running brownout now") == "End the running brownout now."


def test_a_reason_of_dots_stays_as_it_is() -> None:
    with translation.override("ja"):
        assert spoken("." * 5_000) == "." * 5_000
        assert spoken("Wait...") == "Wait..."
