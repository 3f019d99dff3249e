"""Who looks at a post, and in which states it may be."""

import datetime

from cms.models import User

HOUR = datetime.timedelta(hours=1)
STATES = ("public", "draft", "scheduled", "expired", "private", "archived", "trashed")
ROLES = ("subscriber", "author", "editor", "admin")
VIEWERS = ("anonymous", *ROLES, "own", "co_authored", "own_demoted", "own_suspended", "editor_suspended", "system")
SEE_ALL = ("editor", "admin", "system")
OWNERS = ("own", "co_authored", "own_demoted")


def co_author() -> list[User]:
    return [User.objects.get(username="co_author")]
