"""An authenticator app in the hands of a user, set up through the services."""

import base64
import datetime
from dataclasses import dataclass

from cms.models import User
from cms.services.second_factors.apps import confirm_app, offer_app
from cms.services.second_factors.proofs import Proof
from cms.tokens.second_factors import STEP_S, code_at


@dataclass(frozen=True)
class App:
    secret: str
    recovery_codes: list[str]

    def code(self, now: datetime.datetime) -> str:
        return code_at(base64.b32decode(self.secret), int(now.timestamp()) // STEP_S)


def set_up_app(user: User, now: datetime.datetime) -> App:
    proof = Proof(user.pk, now)
    offered = App(offer_app(user=user, proof=proof, now=now).secret, [])
    return App(offered.secret, confirm_app(user=user, code=offered.code(now), proof=proof, now=now))
