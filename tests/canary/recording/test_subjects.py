"""Whom a request counts for."""

import datetime

import pytest

from canary.core.values import Identity
from canary.recording.tally import digest_of, subject_of

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
LATER = NOW + datetime.timedelta(seconds=1)
MIA = Identity("user", "mia")


@pytest.mark.parametrize("identity", [MIA, Identity("key", "a"), Identity("key", "b")], ids=str)
def test_tokens_and_keys_of_a_person_are_one_unit_by_different_identities(identity: Identity) -> None:
    assert subject_of(identity, ("mia", NOW), NOW) == (digest_of(MIA), digest_of(identity), True, False)


@pytest.mark.parametrize(("identity", "is_chosen"), [(MIA, False), (Identity("key", "a"), True)])
def test_a_key_is_chosen_where_nobody_vouches_for_its_owner(identity: Identity, is_chosen: bool) -> None:
    assert subject_of(identity, ("mia", NOW, True), NOW).is_chosen == is_chosen
    assert not subject_of(identity, ("mia", NOW, False), NOW).is_chosen


def test_a_person_counts_alone_from_a_moment_on() -> None:
    assert not subject_of(MIA, ("mia", LATER), NOW).is_authenticated
    assert subject_of(MIA, ("mia", LATER), LATER).is_authenticated


@pytest.mark.parametrize(
    "identity", [Identity("client", "app"), Identity("anon", "x"), Identity("user", "leo")], ids=str
)
def test_an_identity_that_others_may_share_is_a_unit_of_its_own(identity: Identity) -> None:
    """Mia by her session: an app sends the same client id for all its people, a browser the cookie of the last one."""
    assert subject_of(identity, ("mia", NOW), NOW) == (digest_of(identity), digest_of(identity), False, False)


@pytest.mark.parametrize("identity", [MIA, Identity("key", "a"), Identity("client", "app")], ids=str)
def test_a_credential_that_no_view_has_looked_up_vouches_for_nobody(identity: Identity) -> None:
    assert subject_of(identity, None, NOW) == (digest_of(identity), digest_of(identity), False, False)
