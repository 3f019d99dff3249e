"""The life of v1 under any order of commands: dates stay in order, no state is skipped, and what is switched off is known."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from canary.core import consumers, lifecycle
from canary.core.lifecycle import ACTIVE, BROWNOUT, DEPRECATED, SUNSET, Facts, Life, LifeError, broken_invariant

BEGIN = 1_796_083_200
SECONDS = st.integers(0, 40 * lifecycle.DAY_S)
CONSUMERS = st.sampled_from(["user:7", "key:ab12"])
# From each state the only ones that one command leads to.
FOLLOWING = {
    ACTIVE: {ACTIVE, DEPRECATED},
    DEPRECATED: {DEPRECATED, BROWNOUT, SUNSET, ACTIVE},  # to the sunset only past a guard
    BROWNOUT: {BROWNOUT, SUNSET, DEPRECATED},
    SUNSET: {SUNSET, BROWNOUT, DEPRECATED},
}


class LifeOfV1(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.life, self.now, self.audit = Life(), float(BEGIN), [Life()]
        self.before_sunset = Life()

    def take(self, step: Callable[[Life], Life]) -> LifeError | None:
        try:
            self.life = step(self.life)
        except LifeError as error:
            assert self.life == self.audit[-1]
            return error
        self.audit.append(self.life)
        return None

    @rule(seconds=SECONDS, fraction=st.floats(0, 0.999))
    def time_passes(self, seconds: int, fraction: float) -> None:
        self.now += seconds + fraction

    @rule(ahead=SECONDS)
    def deprecate(self, ahead: int) -> None:
        self.take(lambda life: lifecycle.deprecate(life, int(self.now) + ahead, self.now))

    @rule(ahead=st.integers(-100, 10 * lifecycle.DAY_S), length=st.integers(-10, lifecycle.DAY_S))
    def add_brownout(self, ahead: int, length: int) -> None:
        start = int(self.now) + ahead
        known = self.life.brownouts
        refused = self.take(lambda life: lifecycle.add_brownout(life, (start, start + length), self.now))
        if refused is None:
            assert self.life.brownouts[:-1] == known

    @rule(is_all=st.booleans())
    def end_brownout(self, is_all: bool) -> None:
        was_running = lifecycle.in_brownout(self.life, self.now)
        refused = self.take(lambda life: lifecycle.end_brownout(life, self.now, is_all=is_all))
        assert not lifecycle.in_brownout(self.life, self.now)
        assert not (was_running and refused)

    @rule(name=CONSUMERS, ahead=SECONDS)
    def extend(self, name: str, ahead: int) -> None:
        self.take(lambda life: consumers.extend(life, name, int(self.now) + ahead, self.now))

    @rule(name=CONSUMERS, ahead=st.integers(-100, lifecycle.DAY_S), length=st.integers(-10, lifecycle.DAY_S))
    def add_own_brownout(self, name: str, ahead: int, length: int) -> None:
        start = int(self.now) + ahead
        self.take(lambda life: consumers.add_own_brownout(life, name, (start, start + length), self.now))

    @rule(is_all=st.booleans())
    def end_brownouts(self, is_all: bool) -> None:
        was_running = lifecycle.in_brownout(self.life, self.now) or consumers.has_own_rules(
            replace(self.life, extensions={}), self.now
        )
        refused = self.take(lambda life: consumers.end_brownouts(life, self.now, is_all=is_all))
        assert not lifecycle.in_brownout(self.life, self.now)
        assert not consumers.has_own_rules(replace(self.life, extensions={}), self.now)
        assert not (was_running and refused)

    @rule()
    def sunset_that_spares(self) -> None:
        before = self.life
        untold = ["user:8", "client:app"]
        if self.take(lambda life: consumers.spare_untold(lifecycle.sunset(life, self.now), untold, self.now)) is None:
            self.before_sunset = before
            assert consumers.is_extended(self.life, "user:8", self.now)

    @rule()
    def sunset(self) -> None:
        before = self.life
        if self.take(lambda life: lifecycle.sunset(life, self.now)) is None:
            self.before_sunset = before
            assert lifecycle.is_stable_gone(self.life)
            assert lifecycle.refuse_rollback(self.life)

    @rule()
    def sunset_without_override(self) -> None:
        """What the guards let through came by all states, after its date, with no window ahead."""
        if lifecycle.unmet_for_sunset(self.life, Facts(), self.now):
            return
        before = self.life
        if self.take(lambda life: lifecycle.sunset(life, self.now)) is None:
            self.before_sunset = before
            assert before.state == BROWNOUT
            assert self.life == replace(before, state=SUNSET, sunset_done_at=int(self.now))

    @precondition(lambda self: self.life.state != ACTIVE)
    @rule()
    def restore(self) -> None:
        before = self.life
        assert self.take(lambda life: lifecycle.restore(life, self.now)) is None
        assert not lifecycle.is_stable_gone(self.life)
        assert not lifecycle.in_brownout(self.life, self.now)
        assert lifecycle.refuse_rollback(self.life) is None
        if before.state == SUNSET:
            announced = self.before_sunset.sunset_at
            assert self.life.sunset_at == (announced if announced is not None and announced > self.now else None)
            assert {*self.life.brownouts} >= {*before.brownouts}
        assert not consumers.has_own_rules(self.life, self.now)

    @invariant()
    def dates_are_in_order(self) -> None:
        assert broken_invariant(self.life) is None
        assert lifecycle.life_from(lifecycle.dump_life(self.life)) == self.life

    @invariant()
    def no_state_is_skipped(self) -> None:
        for before, after in zip(self.audit, self.audit[1:], strict=False):
            assert after.state in FOLLOWING[before.state]

    @invariant()
    def v1_is_off_only_in_windows_and_after_the_sunset(self) -> None:
        is_off = lifecycle.is_stable_gone(self.life) or lifecycle.in_brownout(self.life, self.now)
        is_within = any(start <= self.now < end for start, end in self.life.brownouts)
        assert is_off == (self.life.state == SUNSET or is_within)
        assert lifecycle.is_announced(self.life) == (self.life.deprecated_at is not None)


LifeOfV1.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestLifeOfV1 = LifeOfV1.TestCase
