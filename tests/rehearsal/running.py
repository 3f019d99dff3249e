"""One rehearsal from its beginning to its end, on engines that run already."""

from pathlib import Path
from typing import Final

from tests.rehearsal.load import Load
from tests.rehearsal.site import RehearsalError, running_site
from tests.rehearsal.story import Rehearsal
from tests.rehearsal.telling import Teller

LOG_SHOWN: Final = 3_000


def rehearse(database_url: str, redis_url: str, folder: Path, teller: Teller) -> None:
    """Raises RehearsalError with the first thing that isn't as it should be."""
    with running_site(database_url, redis_url, folder) as site:
        users, posts = len(site.people.tokens), len(site.people.posts)
        teller.say(f"Two gunicorn workers, a controller, {users} users, {posts} posts; now they all begin to ask.")
        try:
            with Load(site.server.port, site.people).running() as load:
                Rehearsal(site, load, teller).run()
        except RehearsalError as error:
            report, log = "\n".join(site.lines("report")), site.server.log[-LOG_SHOWN:]
            raise RehearsalError(
                f"{error}\n\ncanary report:\n{report}\n\nThe end of the server's log:\n{log}"
            ) from error
