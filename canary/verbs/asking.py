"""Verbs that ask about identities and change nothing: `explain` and `whatif`."""

from collections.abc import Iterator, Mapping
from typing import Any

from canary.conf import canary_conf
from canary.core.lifecycle import NOTICE_DAYS
from canary.core.names import in_names, names_from
from canary.core.permissions import VIEW
from canary.core.values import Identity, parse_identity
from canary.errors import StoreUnreachable
from canary.reporting.explaining import account_of, explain, explain_at, still_in_force
from canary.reporting.whatif import who_moves
from canary.requests.identity import CLIENT_ID_MAX, UnusableIdentityError, client_identity
from canary.state.store import current_snapshot, refresh
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import WHEN, parse_moment, parse_salt
from canary.verbs.performing import reachable
from canary.verbs.weight import PERCENT
from canary.verbs.wording import percent, plural

IDS_SHOWN = 20


def _parse_asked(text: str) -> Identity:
    """Parse an identity that a request can have: the text of an `X-Client-Id` as servers take it."""
    identity = parse_identity(text)
    if identity.kind != "client":
        return identity
    try:
        found = client_identity(identity.id)
    except UnusableIdentityError:
        why = f"an X-Client-Id has 1 to {CLIENT_ID_MAX} printable ASCII characters, any other is a bad_identity"
        raise ValueError(f"No request has the identity {text!r}: {why}.") from None
    if found is None:
        why = "servers take this X-Client-Id for none, and look for the cookie, then at address and user agent"
        raise ValueError(f"No request has the identity {text!r}: {why}.")
    return found


def _explain(call: Call) -> dict[str, Any]:
    identity, salt, now_s = call.values["identity"], call.values.get("salt"), call.now.timestamp()
    if at := call.values.get("at"):
        return explain_at(identity, at, call.now, salt=salt)
    try:
        with reachable():
            snapshot = refresh()
            account = still_in_force(identity, snapshot, call.now, salt=salt) | account_of(identity, snapshot, now_s)
    except StoreUnreachable as error:
        # The environment's values are an answer too, as long as nobody takes them for the stored rollout's.
        known = explain(identity, canary_conf().snapshot, now_s, salt=salt)
        return {
            **known,
            "error": f"{error.sentence} This is what the environment alone says.",
            "current": error.current or None,
        }
    return {**explain(identity, snapshot, now_s, salt=salt), **account}


def _say_explained(result: Mapping[str, Any]) -> Iterator[str]:
    if "at" in result:
        yield from _say_past(result)
        return
    yield (
        "{identity} is answered by v{api_version}: reason {reason}, bucket {bucket} of 10000, weight {weight_bp} basis"
        " points ({percent})."
    ).format(**result, percent=percent(result["weight_bp"]))
    if still := result.get("in_force"):
        yield (
            f"This is decided and takes effect at {result['comes_into_force_at']}, on all servers at once."
            " Until then v{api_version} answers: reason {reason}, weight {weight_bp} basis points."
        ).format(**still)
    if entry := result.get("list"):
        yield "It is on the {name} list, put there by {actor_name}: {reason}".format(**entry)
    yield from _say_extension(result)
    if before := result.get("moved_from"):
        yield "Before it was authenticated it was {identity}, bucket {bucket}, v{api_version}.".format(**before)
    for after in result.get("moved_to", ()):
        yield "It became {identity} when it was authenticated: bucket {bucket}, v{api_version}.".format(**after)


def _say_extension(result: Mapping[str, Any]) -> Iterator[str]:
    if extension := result.get("extension"):
        until = extension["until"] or f"{NOTICE_DAYS} days after it is notified"
        sentence = f"Its extension keeps v1's own paths until {until}, even after the sunset."
        yield in_names(sentence, current_snapshot().names)
        if "actor" in extension:
            yield "That was decided by {actor_name}: {reason}".format(**extension)


def _say_past(result: Mapping[str, Any]) -> Iterator[str]:
    bucket = "unknown" if result["bucket"] is None else f"{result['bucket']} of 10000"
    yield (
        "At {at}, by version {version} of the rollout, {identity} was to be answered by v{api_version}:"
        " reason {reason}, bucket {place}, weight {weight_bp} basis points ({percent})."
    ).format(**result, place=bucket, percent=percent(result["weight_bp"]))
    if still := result.get("in_force"):
        yield (
            f"That came into force at {result['comes_into_force_at']}, in all servers at once."
            " Until then v{api_version} answered: reason {reason}, weight {weight_bp} basis points."
        ).format(**still)
    if entry := result.get("list"):
        yield "It was on the {name} list, put there by {actor_name}: {reason}".format(**entry)
    yield from _say_extension(result)
    yield from result["notes"]


def _whatif(call: Call) -> dict[str, Any]:
    snapshot, weight_bp = refresh(), call.values["percent"]
    # While the rollback is latched no other weight can be set, so nobody would move.
    wanted_bp = snapshot.weight_bp if snapshot.latched else weight_bp
    moves = who_moves(snapshot, wanted_bp, call.now)
    return {
        "version": snapshot.version,
        "names": snapshot.names.as_json(),
        "weight_bp": snapshot.weight_bp,
        "whatif_bp": weight_bp,
        "latched": snapshot.latched,
        "known": moves.looked_at,
        "moves": moves.as_json(),
    }


def _say_moves(result: Mapping[str, Any]) -> Iterator[str]:
    if result["latched"]:
        yield "The rollback is latched: no weight but 0 can be set until `ack`, so nobody would move."
    yield (
        f"From {percent(result['weight_bp'])} to {percent(result['whatif_bp'])}, of {result['known']} known identities:"
    )
    names = names_from(result)
    for target, name in (("to_v2", f"v{names.candidate}"), ("to_v1", f"v{names.stable}")):
        move = result["moves"][target]
        yield f"{plural(move['count'], 'identity', 'identities')} would move to {name}."
        yield from (f"  {one}" for one in move["ids"][:IDS_SHOWN])
        if move["count"] > IDS_SHOWN:
            yield f"  and {move['count'] - IDS_SHOWN} more; --json lists all of them."


VERBS = (
    Verb(
        ("explain",),
        "show which version answers an identity on the entrance, and why",
        VIEW,
        _explain,
        _say_explained,
        (
            Option(
                "identity",
                "KIND:ID, where KIND is user, key, client or anon",
                _parse_asked,
                is_positional=True,
                is_required=True,
            ),
            Option("salt", "use this salt (1 to 64 bytes) instead of the rollout's", parse_salt),
            Option("at", f"explain the decision of this past instant: {WHEN}", parse_moment, metavar="INSTANT"),
        ),
    ),
    Verb(
        ("whatif",),
        "show who would move if v2's share were PERCENT",
        VIEW,
        _whatif,
        _say_moves,
        (PERCENT,),
    ),
)
