"""Templates of the English sentences that the core, the services and the verbs make, by which a page recognises them.

A value in one has a name. `canary/pages/speaking.py` knows what values of some names look like.
"""

from typing import Final

from django.utils.translation import gettext_noop as _

from canary.pages.sentences.asking import ASKING
from canary.pages.sentences.breakers import BREAKERS
from canary.pages.sentences.changes import CHANGES
from canary.pages.sentences.crossovers import CROSSOVERS
from canary.pages.sentences.life import LIFE
from canary.pages.sentences.power import POWER
from canary.pages.sentences.verbs import VERBS
from canary.pages.sentences.verdicts import VERDICTS

END: Final = _("%(sentence)s.")
SENTENCES: Final = _("%(first)s. %(rest)s")
CLAUSES: Final = _("%(first)s; %(rest)s")
MEMBERS: Final = _("%(first)s, %(rest)s")
TEMPLATES: Final = (
    *VERDICTS,
    *BREAKERS,
    *POWER,
    *LIFE,
    *CROSSOVERS,
    *CHANGES,
    *ASKING,
    *VERBS,
)
"""The first one that fits counts."""
