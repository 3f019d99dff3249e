"""Begin the next journey on the same tables: the version that all clients have come to is the one that they leave."""

import secrets
from datetime import datetime, timedelta

from canary.conf import CanaryConf, canary_conf
from canary.core.bucketing import cohort_of
from canary.core.consumers import extended
from canary.core.lifecycle import ADVANCE, Life, dump_life, is_stable_gone, life_from
from canary.core.names import Names
from canary.errors import Refused
from canary.models import ConsumerUsage, ListEntry, PastCohort, Rollout, Worker
from canary.services.changing import begin_release, change_rollout, refuse_latched
from canary.state.status import HEARD_OF_S

NAMED = 3


def advance(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    """Begin the journey that the settings name, at a weight of 0. Nobody moves: all stay on the version they are on.

    The cohort is a fresh one, so that not the same users come first again, and the lists are empty: who was allowed to
    the last candidate has not asked for this one.
    """
    names = canary_conf().names

    def mutate(row: Rollout) -> None:
        _refuse_early(row, canary_conf(), now)
        PastCohort.objects.get_or_create(cohort=cohort_of(row.salt), defaults={"salt": row.salt})
        row.salt = secrets.token_hex(16)
        row.stable, row.candidate = names
        row.weight_bp, row.plan, row.request, row.lifecycle = 0, None, None, dump_life(Life())
        begin_release(row, now)
        row.journey_at, row.journey_release = now, row.release
        ListEntry.objects.all().delete()
        # A row holds a whole day: the refused calls of this morning are not usage of the version that begins to end.
        ConsumerUsage.objects.filter(day=now.date()).delete()

    return change_rollout(
        verb=ADVANCE,
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence={"names": names.as_json()},
    )


def _refuse_early(row: Rollout, conf: CanaryConf, now: datetime) -> None:
    old, new = row.names, conf.names
    if old == new:
        raise Refused(
            "same-names",
            f"The settings still name v{old.stable} and v{old.candidate}. Deploy"
            f' CANARY["STABLE"] = "{old.candidate}" and a new CANARY["CANDIDATE"] to every process, then advance.',
        )
    if new.stable != old.candidate:
        raise Refused(
            "other-names",
            f"The next journey begins at v{old.candidate}, and the settings name v{new.stable} as the version that"
            " clients leave.",
        )
    _refuse_unfinished(life_from(row.lifecycle), old, now)
    refuse_latched(row)
    _refuse_unready(conf, new, now)


def _refuse_unfinished(life: Life, names: Names, now: datetime) -> None:
    told = f"The journey from v{names.stable} to v{names.candidate} is not over"
    if not is_stable_gone(life):
        raise Refused("not-over", f"{told}: v{names.stable} is {life.state}, and `lifecycle sunset` ends it.")
    if kept := extended(life, now.timestamp()):
        sentence = f"{told}: v{names.stable} still answers {', '.join(kept[:NAMED])}, by an extension."
        raise Refused("not-over", f"{sentence} End it with the settings of this journey, or wait.")


def _refuse_unready(conf: CanaryConf, new: Names, now: datetime) -> None:
    """Refuse while the new versions have no arms here, or a process of the site has other settings."""
    if not (conf.snapshot.is_stable_enabled and conf.snapshot.is_candidate_enabled):
        raise Refused(
            "no-arms", f'CANARY["ARMS"] needs the URLconfs of v{new.stable} and v{new.candidate}, both switched on.'
        )
    heard_of = Worker.objects.filter(seen_at__gte=now - timedelta(seconds=HEARD_OF_S))
    behind = [*heard_of.exclude(names=" ".join(new)).order_by("name").values_list("name", flat=True)]
    if behind:
        more = f" and {len(behind) - NAMED} more" if len(behind) > NAMED else ""
        told = f"{', '.join(behind[:NAMED])}{more}"
        raise Refused(
            "processes-behind",
            f"Processes still run with other names: {told}. Deploy these settings to all of them, and wait"
            f" {HEARD_OF_S} s for those that have ended.",
        )
