"""Gates of the site's own: which declarations are refused, and what each answer makes of a verdict."""

import re
from dataclasses import replace
from typing import Any

import pytest

from canary.core.gates import Answer, GateResult, answer_of, gated, gates_of
from canary.core.judgements import Judgement, Stage

STAGE = Stage(1, 1_000, 0.0, 0.0, 5_000)
PASSING = Judgement("pass", "Pass at 10 %: safe. Next step: 50 %.", {"log_e": {}}, reason="safe")
GOOD = Answer("orders", "pass", 1.0, "as many")
LOW = Answer("orders", "hold", 0.8, "fewer orders")
BAD = Answer("refunds", "harm", 7.0, "seven refunds")
BROKEN = Answer("p99", "fault", None, "no answer within 10 s")
SILENT = Answer("p99", "unanswered")


@pytest.mark.parametrize(
    ("answers", "kind", "reason", "sentence"),
    [
        ([GOOD], "pass", "safe", f"{PASSING.sentence} Gates: gate orders passes at 1: as many."),
        ([GOOD, LOW], "hold", "gate", "Hold at 10 %: gate orders holds at 0.8: fewer orders."),
        ([GOOD, BROKEN], "hold", "gate_fault", "Hold at 10 %: gate p99 has a fault: no answer within 10 s."),
        ([GOOD, SILENT], "hold", "gate_unanswered", "Hold at 10 %: gate p99 has not answered yet."),
        ([LOW, BROKEN, BAD], "harm", "gate", "Harm at 10 %: gate refunds finds harm at 7: seven refunds."),
    ],
)
def test_a_step_needs_every_gate(answers: list[Answer], kind: str, reason: str, sentence: str) -> None:
    judgement = gated(PASSING, STAGE, answers)
    assert (judgement.kind, judgement.reason, judgement.sentence) == (kind, reason, sentence)
    assert [one["gate"] for one in judgement.numbers["gates"]] == [answer.gate for answer in answers]


def test_a_gate_rolls_back_whatever_else_is_missing_and_holds_only_a_step() -> None:
    waiting = Judgement("hold", "Hold at 10 %: not yet safe.", {}, 60.0, "not_safe")
    assert gated(waiting, STAGE, [LOW, BROKEN]).sentence == waiting.sentence
    harmed = gated(waiting, STAGE, [LOW, BAD])
    assert (harmed.kind, harmed.eta_s) == ("harm", None)


def test_other_harm_keeps_its_own_words_and_nobody_on_v2_is_harmed() -> None:
    harm = Judgement("harm", "Harm at 10 %: errors.", {}, reason="harm")
    assert gated(harm, STAGE, [BAD]).sentence == harm.sentence
    assert gated(PASSING, replace(STAGE, weight_bp=0), [BAD]).kind == "pass"


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ([{"call": "a.b"}], "None is not the name of a gate"),
        ([{"name": "a;b", "call": "a.b"}], "'a;b' is not the name of a gate"),
        ([{"name": "a"}], "Gate 'a' needs exactly one of call, prometheus, http, sql."),
        ([{"name": "a", "call": "a.b", "sql": "SELECT 1"}], "needs exactly one of"),
        ([{"name": "a", "sql": "SELECT 1"}], "Gate 'a' lacks limit."),
        ([{"name": "a", "prometheus": "http://p", "limit": 1}], "Gate 'a' lacks candidate."),
        ([{"name": "a", "call": "a.b", "limt": 1}], "Gate 'a' has an unknown option: limt."),
        ([{"name": "a", "sql": "SELECT 1", "limit": "1"}], "Gate 'a' has an invalid limit."),
        ([{"name": "a", "sql": "SELECT 1", "limit": 5, "harm": 4}], "finds harm below its limit"),
        ([{"name": "a", "http": ""}], "Gate 'a' has an invalid http."),
        ([{"name": "a", "http": "http://p", "headers": {"A": 1}}], "has an invalid headers"),
        ([{"name": "a", "call": "a.b", "timeout_s": 0}], "use 0.1 to 300 seconds"),
        ([{"name": "a", "call": "a.b"}, {"name": "a", "call": "a.c"}], "Two gates have the name 'a'"),
    ],
)
def test_a_declaration_that_can_not_work_is_refused_with_its_name(declared: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        gates_of(declared)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("ok", 1, "Fine."), "use pass, hold or harm"),
        (("pass", float("nan"), "Fine."), "use a finite one"),
        (("pass", True, "Fine."), "use a finite one"),
        (("pass", 1, " "), "explains its number"),
    ],
)
def test_a_result_has_a_verdict_a_number_and_a_sentence(values: tuple[Any, Any, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GateResult(*values)


def test_a_sentence_is_kept_on_one_line_and_anything_but_a_result_is_refused() -> None:
    assert answer_of("a", GateResult("pass", 2, "Two\nlines.\x00"), 5.0) == Answer("a", "pass", 2.0, "Two lines", 5.0)
    with pytest.raises(TypeError, match="a gate returns a GateResult, not bool"):
        answer_of("a", True, 5.0)
