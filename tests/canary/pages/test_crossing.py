"""The card of a crossover: the number and the next action, the verdict of each consumer, and its buttons."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from canary.models import Rollout, SeenIdentity
from canary.services import end_crossover
from canary.state import store
from tests.canary.pages.conftest import ADDRESS

World = Callable[[str], None]
SignedIn = Callable[..., Client]


def buttons(client: Client) -> set[str]:
    return set(re.findall(rf"{ADDRESS}do/([a-z/]+)/\"", client.get(ADDRESS).content.decode()))


def test_the_card_begins_with_the_number_and_folds_the_consumers(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("crossing")
    page = signed_in_with("view").get(ADDRESS)
    card = page.context["crossover"]
    assert re.fullmatch(
        r"v2 failed more in \d+ of \d+ pairs of periods that differ: evidence [0-9.]+ of 40", card.title
    )
    assert card.next == "Nothing to do: it ends by itself, and harm by v2 rolls it back."
    assert card.period == "9 of 20, 60 min each"
    _, _, shown = page.content.decode().partition('id="canary-crossover"')
    assert 'id="canary-protection"' in shown
    assert shown.index(card.title) < shown.index("The verdicts on 12 consumers") < shown.index("key:ab10")
    assert {row.said for row in card.rows} == {"running"}
    assert card.rows[2].on_v2 == "3 of 440"


def test_a_release_without_a_crossover_has_no_card(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    page = signed_in_with("view").get(ADDRESS)
    assert page.context["crossover"] is None
    assert re.search(r'id="canary-crossover"[^>]* hidden', page.content.decode())


@pytest.mark.parametrize(
    ("name", "shown", "hidden"),
    [
        ("zero", {"crossover/start", "set", "start"}, {"crossover/stop", "rollback"}),
        ("crossing", {"crossover/stop", "rollback"}, {"crossover/start", "set", "start"}),
        ("middle", {"set"}, {"crossover/start", "crossover/stop"}),
    ],
)
def test_buttons_are_those_that_would_not_be_refused(
    quiet_world: World, signed_in_with: SignedIn, name: str, shown: set[str], hidden: set[str]
) -> None:
    quiet_world(name)
    found = buttons(signed_in_with("view", "ramp", "rollback"))
    assert shown <= found
    assert not hidden & found


def test_it_is_started_by_its_form_after_a_look_at_what_would_happen(
    quiet_world: World, signed_in_with: SignedIn
) -> None:
    quiet_world("zero")
    for name in ("erp", "shop"):
        SeenIdentity.objects.create(kind="client", identifier=name, last_seen_at=timezone.now())
    client, form = signed_in_with("view", "ramp"), f"{ADDRESS}do/crossover/start/"
    chosen = {"consumers": "client:erp,client:shop", "period_minutes": "30", "pairs": "8"}
    preview = client.get(form, {**chosen, "show": "1"}).content.decode()
    assert "Each of 2 consumers would switch between the versions" in preview
    assert Rollout.objects.get().crossover is None
    version = store.refresh().version
    done = client.post(form, {**chosen, "reason": "few clients", "expected_version": version}, follow=True)
    assert "The crossover has started." in done.content.decode()
    assert (Rollout.objects.get().crossover or {})["consumers"] == ["client:erp", "client:shop"]


@pytest.mark.parametrize(
    ("verdict", "title", "action"),
    [
        ("pass", "Passed: the crossover found no harm", "start"),
        ("no_data", "The crossover saw too little", "crossover/start"),
    ],
)
def test_its_end_says_what_comes_next(
    quiet_world: World, signed_in_with: SignedIn, verdict: str, title: str, action: str
) -> None:
    quiet_world("crossing")
    words = {"actor": "controller", "reason": "over", "expected_version": store.refresh().version}
    end_crossover(verdict=verdict, now=timezone.now(), **words)  # type: ignore[arg-type]
    guide = signed_in_with("view", "ramp").get(ADDRESS).context["guide"]
    assert (guide.title, guide.action, guide.place) == (title, action, "crossover")
