"""Codes of authenticator apps against the vectors of the RFCs, and recovery codes as text."""

import re

import pytest

from cms.tokens.second_factors import Unreadable, code_at, make_recovery_code, seal, unseal

# RFC 4226, appendix D.
HOTP = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
# RFC 6238, appendix B: the last six digits of its codes with SHA-1.
TOTP = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 20000000000: "353130"}
SECRET = b"12345678901234567890"


def test_codes_are_those_of_the_rfcs() -> None:
    assert [code_at(SECRET, step) for step in range(10)] == HOTP
    assert {second: code_at(SECRET, second // 30) for second in TOTP} == TOTP


def test_a_sealed_secret_is_read_by_its_key_and_by_no_other(settings: object) -> None:
    sealed = seal(SECRET)
    assert unseal(sealed) == SECRET
    settings.SECRET_KEY = "another secret key, as long as one has to be"  # type: ignore[attr-defined]
    with pytest.raises(Unreadable):
        unseal(sealed)


def test_a_secret_that_a_proof_has_begun_is_read_with_it_alone(settings: object) -> None:
    sealed = seal(SECRET, "one")
    for other in ("two", ""):
        with pytest.raises(Unreadable):
            unseal(sealed, other)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another secret key, as long as one has to be"  # type: ignore[attr-defined]
    settings.SECRET_KEY_FALLBACKS = [old]  # type: ignore[attr-defined]
    assert unseal(sealed, "one") == SECRET


def test_recovery_codes_are_four_groups_and_differ() -> None:
    codes = {make_recovery_code() for _ in range(100)}
    assert len(codes) == 100
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in codes)
