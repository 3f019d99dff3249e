"""Second factors: set up with the password, asked for after it, each code good once, and counted like passwords."""

import base64
import datetime
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from cms.errors import (
    InvalidCredentials,
    InvalidInput,
    InvalidSecondFactor,
    InvalidToken,
    InvalidTransition,
    NotFound,
    PermissionRefused,
    RateLimited,
    SecondFactorMissing,
    SecondFactorRequired,
)
from cms.models import AuditEvent, AuthenticatorApp, Job, RecoveryCode, User
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key, find_api_key
from cms.services.mails import NOTICES, send_second_factor_notice
from cms.services.passwords import change_password
from cms.services.proofs import Proof
from cms.services.second_factors.apps import confirm_app, offer_app, remove_app
from cms.services.second_factors.recovery_codes import count_recovery_codes, renew_recovery_codes
from cms.services.second_factors.resetting import reset_second_factors
from cms.services.sessions import open_session, refresh_session
from cms.services.signing_in import prove_password, prove_second_factor, sign_in
from cms.services.user_deletion import delete_user
from tests.conftest import PASSWORD
from tests.second_factors import App, set_up_app

KEY: Any = {"name": "k", "scopes": ["posts:read"]}
STEP = datetime.timedelta(seconds=30)
Events = Callable[[Any], list[str]]


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("editor", username="mia", password=PASSWORD)


@pytest.fixture
def app(mia: User, now: datetime.datetime) -> App:
    return set_up_app(mia, now - datetime.timedelta(hours=1))


def enter(code: str | None, now: datetime.datetime, password: str = PASSWORD) -> User:
    return sign_in(username_or_email="mia", password=password, code=code, now=now)


def test_an_app_is_set_up_by_its_first_code_and_recovery_codes_come_with_it(
    mia: User, now: datetime.datetime, events_of: Events
) -> None:
    proof = prove_password(user=mia, password=PASSWORD, now=now)
    offer = offer_app(user=mia, proof=proof, now=now)
    assert offer.uri == f"otpauth://totp/Tandem%3Amia?secret={offer.secret}&issuer=Tandem"
    assert offer_app(user=mia, proof=proof, now=now) == offer  # the same picture when the form is shown again
    assert enter(None, now) == mia  # nothing counts before the first code
    code = TOTP(base64.b32decode(offer.secret), 6, SHA1(), 30).generate(int(now.timestamp())).decode()  # type: ignore[arg-type]
    codes = confirm_app(user=mia, code=code, proof=proof, now=now)
    assert (len(set(codes)), count_recovery_codes(mia)) == (10, 10)
    assert events_of(mia)[-1] == "auth.second_factor_added"
    assert Job.objects.get().args == [str(mia.pk), "added"]
    with pytest.raises(SecondFactorRequired):
        enter(None, now)


def test_neither_the_secret_nor_a_recovery_code_is_stored_as_it_is(mia: User, now: datetime.datetime, app: App) -> None:
    stored = AuthenticatorApp.objects.get().secret
    assert app.secret not in stored
    assert base64.b32decode(app.secret) not in base64.urlsafe_b64decode(stored)
    assert not {*app.recovery_codes} & {*RecoveryCode.objects.values_list("digest", flat=True)}


def test_a_second_app_is_refused(mia: User, now: datetime.datetime, app: App) -> None:
    with pytest.raises(InvalidTransition):
        offer_app(user=mia, proof=Proof.of(mia, now), now=now)


def test_the_secret_of_an_app_that_nobody_confirmed_is_not_shown_to_who_begins_again(
    mia: User, now: datetime.datetime
) -> None:
    first = offer_app(user=mia, proof=Proof.of(mia, now), now=now)
    later = now + datetime.timedelta(minutes=1)
    assert offer_app(user=mia, proof=Proof.of(mia, later), now=later) != first


@pytest.mark.parametrize("gap_s", [-60, 0, 60])
def test_a_secret_is_shown_to_none_but_the_proof_that_began_it(mia: User, now: datetime.datetime, gap_s: int) -> None:
    first, second = Proof.of(mia, now), Proof.of(mia, now + datetime.timedelta(seconds=gap_s))
    later = now + datetime.timedelta(minutes=2)
    offers = [offer_app(user=mia, proof=proof, now=later) for proof in (first, second, first)]
    assert len({offer.secret for offer in offers}) == 3


def test_a_secret_that_another_browser_has_replaced_is_refused_with_the_reason(
    mia: User, now: datetime.datetime
) -> None:
    first, second = Proof.of(mia, now), Proof.of(mia, now)
    replaced, current = (App(offer_app(user=mia, proof=proof, now=now).secret, []) for proof in (first, second))
    for code in (replaced.code(now), current.code(now)):
        with pytest.raises(InvalidInput) as refused:
            confirm_app(user=mia, code=code, proof=first, now=now)
        assert [(error.field, error.code) for error in refused.value.errors] == [("code", "replaced")]
    assert enter(None, now) == mia
    confirm_app(user=mia, code=current.code(now), proof=second, now=now)
    assert enter(current.code(now + STEP), now) == mia


@pytest.mark.parametrize("code", ["000000", "", "12345", "１２３４５６", "\ud800", "abcd-efgh-ijkl-mnop", "0" * 5_000])
def test_a_wrong_first_code_sets_nothing_up(mia: User, now: datetime.datetime, code: str) -> None:
    proof = Proof.of(mia, now)
    offer_app(user=mia, proof=proof, now=now)
    with pytest.raises(InvalidInput):
        confirm_app(user=mia, code=code, proof=proof, now=now)
    assert enter(None, now) == mia


@pytest.mark.parametrize("age", [datetime.timedelta(minutes=11), datetime.timedelta(seconds=-1)])
@pytest.mark.parametrize("change", [offer_app, remove_app, renew_recovery_codes])
def test_every_change_needs_a_proof_of_the_last_ten_minutes(
    mia: User, now: datetime.datetime, app: App, change: Any, age: datetime.timedelta
) -> None:
    with pytest.raises(PermissionRefused):
        change(user=mia, proof=Proof.of(mia, now - age), now=now)


def test_the_proof_of_another_user_is_none(mia: User, editor: User, now: datetime.datetime, app: App) -> None:
    with pytest.raises(PermissionRefused):
        remove_app(user=mia, proof=Proof.of(editor, now), now=now)


def test_a_proof_is_given_for_the_password_alone_and_wrong_ones_count(
    mia: User, now: datetime.datetime, app: App
) -> None:
    assert prove_password(user=mia, password=PASSWORD, now=now).holds(mia, now)
    for _ in range(10):
        with pytest.raises(InvalidInput):
            prove_password(user=mia, password="wrong", now=now)
    with pytest.raises(RateLimited):
        prove_password(user=mia, password=PASSWORD, now=now)
    assert enter(app.code(now), now) == mia  # a login counts apart


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_a_code_of_the_step_of_now_or_of_its_neighbours_signs_in(
    mia: User, now: datetime.datetime, app: App, offset: int
) -> None:
    assert enter(app.code(now + offset * STEP), now) == mia
    assert AuthenticatorApp.objects.get().last_used_at == now


@pytest.mark.parametrize("offset", [-2, 2])
def test_a_code_of_a_step_beyond_them_does_not(mia: User, now: datetime.datetime, app: App, offset: int) -> None:
    with pytest.raises(InvalidSecondFactor):
        enter(app.code(now + offset * STEP), now)


def test_a_code_may_have_blanks(mia: User, now: datetime.datetime, app: App) -> None:
    code = app.code(now)
    assert enter(f" {code[:3]} {code[3:]} ", now) == mia


def test_a_code_is_good_once_and_so_is_none_before_it(
    mia: User, now: datetime.datetime, app: App, events_of: Events
) -> None:
    enter(app.code(now), now)
    for replayed in (app.code(now), app.code(now - STEP)):
        with pytest.raises(InvalidSecondFactor):
            enter(replayed, now)
    assert events_of(mia)[-1] == "auth.second_factor_failed"
    assert enter(app.code(now + STEP), now) == mia


def test_of_many_logins_with_one_code_one_wins(mia: User, now: datetime.datetime, app: App, in_threads: Any) -> None:
    code = app.code(now)
    found = in_threads([lambda: enter(code, now)] * 4)
    assert [type(each) for each in found].count(User) == 1
    assert [type(each) for each in found].count(InvalidSecondFactor) == 3


def test_a_recovery_code_signs_in_once(mia: User, now: datetime.datetime, app: App, events_of: Events) -> None:
    code = app.recovery_codes[3]
    assert enter(f" {code.upper().replace('-', ' ')}", now) == mia
    assert (count_recovery_codes(mia), events_of(mia)[-1]) == (9, "auth.recovery_code_used")
    with pytest.raises(InvalidSecondFactor):
        enter(code, now)


def test_of_many_logins_with_one_recovery_code_one_wins(
    mia: User, now: datetime.datetime, app: App, in_threads: Any
) -> None:
    found = in_threads([lambda: enter(app.recovery_codes[0], now)] * 4)
    assert [type(each) for each in found].count(User) == 1


def test_the_recovery_code_of_another_user_does_not_sign_in(
    mia: User, make_user: Callable[..., User], now: datetime.datetime, app: App
) -> None:
    other = set_up_app(make_user("editor"), now)
    with pytest.raises(InvalidSecondFactor):
        enter(other.recovery_codes[0], now)


def test_new_recovery_codes_take_the_place_of_the_old(mia: User, now: datetime.datetime, app: App) -> None:
    codes = renew_recovery_codes(user=mia, proof=Proof.of(mia, now), now=now)
    with pytest.raises(InvalidSecondFactor):
        enter(app.recovery_codes[0], now)
    assert enter(codes[0], now) == mia


def test_who_has_no_factor_gets_no_recovery_codes(mia: User, now: datetime.datetime) -> None:
    with pytest.raises(NotFound):
        renew_recovery_codes(user=mia, proof=Proof.of(mia, now), now=now)


def test_a_removed_app_takes_its_recovery_codes_along(
    mia: User, now: datetime.datetime, app: App, events_of: Events
) -> None:
    remove_app(user=mia, proof=Proof.of(mia, now), now=now)
    assert (enter(None, now), RecoveryCode.objects.count()) == (mia, 0)
    assert events_of(mia)[-1] == "auth.second_factor_removed"
    with pytest.raises(NotFound):
        remove_app(user=mia, proof=Proof.of(mia, now), now=now)


def test_a_wrong_password_is_refused_as_ever_whatever_the_code(mia: User, now: datetime.datetime, app: App) -> None:
    for code in (None, "000000", app.code(now), app.recovery_codes[0]):
        with pytest.raises(InvalidCredentials):
            enter(code, now, "wrong")
    assert enter(app.code(now), now) == mia  # nothing was used up


def test_wrong_codes_are_counted_like_wrong_passwords(mia: User, now: datetime.datetime, app: App) -> None:
    for _ in range(10):
        with pytest.raises(InvalidSecondFactor):
            enter("000000", now)
    with pytest.raises(RateLimited):
        enter(app.code(now), now)
    with pytest.raises(RateLimited):  # by another name, or in the second step of the admin site
        sign_in(username_or_email=mia.email, password=PASSWORD, code=app.code(now), now=now)
    with pytest.raises(RateLimited):
        prove_second_factor(user=mia, code=app.code(now), now=now)


def test_an_account_has_ten_times_as_many_wrong_codes_a_day(
    mia: User, now: datetime.datetime, app: App, settings: Any
) -> None:
    settings.RATE_LIMIT_LOGIN, wrong = 2, 0
    for moment in (now + number * datetime.timedelta(minutes=10) for number in range(12)):
        for _ in range(3):
            try:
                prove_second_factor(user=mia, code="000000", now=moment)
            except InvalidSecondFactor:
                wrong += 1
            except RateLimited:
                break
    assert wrong == 20
    mia.set_password("another long pass-phrase")  # whoever had the old one can lock nobody out any more
    prove_second_factor(user=mia, code=app.code(moment), now=moment)


def test_a_new_password_gives_the_reader_of_a_mailbox_no_codes_without_end(
    mia: User, now: datetime.datetime, app: App, settings: Any
) -> None:
    settings.RATE_LIMIT_LOGIN, wrong = 1, 0
    for number in range(60):
        mia.password = f"{number}"  # a hash that no try has counted by
        try:
            prove_second_factor(user=mia, code="000000", now=now)
        except InvalidSecondFactor:
            wrong += 1
        except RateLimited:
            break
    assert wrong == 30
    with pytest.raises(RateLimited):
        prove_second_factor(user=mia, code=app.code(now), now=now)
    later = now + datetime.timedelta(days=2)
    prove_second_factor(user=mia, code=app.code(later), now=later)


def test_asking_for_the_second_factor_is_no_failure(mia: User, now: datetime.datetime, app: App) -> None:
    for _ in range(30):
        with pytest.raises(SecondFactorRequired):
            enter(None, now)
    assert enter(app.code(now), now) == mia


def test_who_has_no_factor_signs_in_with_any_code_or_none(mia: User, now: datetime.datetime) -> None:
    assert enter("000000", now) == enter(None, now) == mia


def test_a_password_is_changed_without_a_code(mia: User, now: datetime.datetime, app: App) -> None:
    new = "another long pass-phrase"
    change_password(user=mia, current_password=PASSWORD, password=new, now=now, kept_session_id=None)
    with pytest.raises(SecondFactorRequired):  # and it does not switch the factor off
        enter(None, now, new)


def test_codes_outlive_a_new_secret_key_that_names_the_old_one(
    mia: User, now: datetime.datetime, app: App, settings: Any
) -> None:
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another secret key, as long as one has to be"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert enter(app.code(now), now) == mia
    assert enter(app.recovery_codes[0], now) == mia
    settings.SECRET_KEY_FALLBACKS = []  # the app's secret was sealed again at the login
    assert enter(app.code(now + STEP), now) == mia


def test_a_secret_that_no_key_opens_is_a_wrong_code_and_recovery_codes_are_too(
    mia: User, now: datetime.datetime, app: App, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SECRET_KEY = "another secret key, as long as one has to be"
    for code in (app.code(now), app.recovery_codes[0]):
        with pytest.raises(InvalidSecondFactor):
            enter(code, now)
    assert "another SECRET_KEY" in caplog.text


def test_a_deleted_user_keeps_no_factor(mia: User, now: datetime.datetime, app: App) -> None:
    delete_user(actor=SYSTEM, user=mia, now=now)
    assert not AuthenticatorApp.objects.exists()
    assert not RecoveryCode.objects.exists()


ROLES = ("subscriber", "author", "editor", "admin")
REQUIRED = {"none": (), "admins": ("admin",), "staff": ("author", "editor", "admin")}


@pytest.mark.parametrize("setting", REQUIRED)
def test_a_role_that_needs_a_factor_does_not_sign_in_without(
    make_user: Callable[..., User], now: datetime.datetime, settings: Any, setting: str
) -> None:
    settings.REQUIRE_SECOND_FACTOR = setting
    refused = []
    for role in ROLES:
        make_user(role, username=f"the_{role}", password=PASSWORD)
        try:
            sign_in(username_or_email=f"the_{role}", password=PASSWORD, now=now)
        except SecondFactorMissing:
            refused.append(role)
    assert tuple(refused) == REQUIRED[setting]


def test_the_last_factor_of_a_role_that_needs_one_stays(
    mia: User, now: datetime.datetime, app: App, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "staff"
    with pytest.raises(PermissionRefused, match="add another one"):
        remove_app(user=mia, proof=Proof.of(mia, now), now=now)
    assert enter(app.code(now), now) == mia


def test_a_session_that_a_password_alone_has_opened_does_not_revive_with_the_factor(
    mia: User, now: datetime.datetime, settings: Any
) -> None:
    pair = open_session(user=enter("000000", now), now=now)  # a code of nothing proves nothing
    settings.REQUIRE_SECOND_FACTOR = "staff"
    with pytest.raises(SecondFactorMissing):
        refresh_session(refresh_token=pair.refresh_token, now=now)
    set_up_app(mia, now)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            refresh_session(refresh_token=pair.refresh_token, now=now)


def test_a_session_that_a_code_has_opened_is_refreshed_after_the_requirement(
    mia: User, now: datetime.datetime, app: App, settings: Any
) -> None:
    pairs = [open_session(user=enter(code, now), now=now) for code in (app.code(now), app.recovery_codes[0])]
    settings.REQUIRE_SECOND_FACTOR = "staff"
    for pair in pairs:
        user, renewed = refresh_session(refresh_token=pair.refresh_token, now=now)
        assert user == mia
        assert refresh_session(refresh_token=renewed.refresh_token, now=now)[0] == mia


def test_a_session_of_a_password_alone_goes_on_while_the_role_needs_no_factor(
    mia: User, now: datetime.datetime, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "admins"
    pair = open_session(user=enter(None, now), now=now)
    set_up_app(mia, now)
    user, pair = refresh_session(refresh_token=pair.refresh_token, now=now)
    assert user == mia
    User.objects.filter(pk=mia.pk).update(role="admin")
    with pytest.raises(InvalidToken):
        refresh_session(refresh_token=pair.refresh_token, now=now)


def test_an_admin_resets_the_factors_of_another_user_and_the_sessions_end(
    mia: User, admin: User, now: datetime.datetime, app: App, events_of: Events
) -> None:
    pair, key = open_session(user=mia, now=now), create_api_key(actor=mia, owner=mia, fields=KEY, now=now)
    epoch = mia.session_epoch
    reset_second_factors(actor=admin, user=mia, now=now)
    mia.refresh_from_db()
    assert (enter(None, now), RecoveryCode.objects.count(), mia.session_epoch) == (mia, 0, epoch + 1)
    with pytest.raises(InvalidToken):
        refresh_session(refresh_token=pair.refresh_token, now=now)
    assert find_api_key(raw_key=key.raw_key, now=now)
    assert events_of(mia)[-1] == "auth.second_factor_removed"
    assert AuditEvent.objects.filter(object_id=mia.pk).latest("pk").actor == admin
    assert Job.objects.latest("pk").args == [str(mia.pk), "reset"]
    with pytest.raises(NotFound):
        reset_second_factors(actor=admin, user=mia, now=now)


def test_nobody_but_admins_resets_factors_and_nobody_the_own(
    mia: User, admin: User, make_user: Callable[..., User], now: datetime.datetime, app: App
) -> None:
    set_up_app(admin, now)
    for actor, user in ((make_user("editor"), mia), (mia, mia), (admin, admin)):
        with pytest.raises(PermissionRefused):
            reset_second_factors(actor=actor, user=user, now=now)
    reset_second_factors(actor=SYSTEM, user=admin, now=now)


@pytest.mark.parametrize("notice", NOTICES)
def test_the_user_is_told_by_mail(mia: User, mailoutbox: list[Any], notice: str) -> None:
    assert send_second_factor_notice.call(str(mia.pk), notice)
    assert (mailoutbox[0].to, mailoutbox[0].subject) == (["mia@example.org"], "Your second factor")
    assert "your account mia" in mailoutbox[0].body
