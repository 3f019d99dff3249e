"""One rehearsal from its beginning to its end, on engines that run already."""

from pathlib import Path
from typing import Final

from tests.rehearsal.load import Load
from tests.rehearsal.outages import THREADS, Outages
from tests.rehearsal.site import RehearsalError, Site, running_site
from tests.rehearsal.story import Releases
from tests.rehearsal.telling import Teller

LOG_SHOWN: Final = 3_000
AS_USUAL: Final = {"CANARY_BULKHEAD": "0", "DATABASE_STATEMENT_TIMEOUT_S": "0"}
"""v2 has half of the threads. Its slow statements take as long as they take."""


def rehearse(database_url: str, redis_url: str, folder: Path, teller: Teller) -> None:
    """Raises RehearsalError with the first thing that isn't as it should be."""
    with running_site(database_url, redis_url, folder) as site:
        users, posts = len(site.people.tokens), len(site.people.posts)
        teller.say(f"Two gunicorn workers, a controller, {users} users, {posts} posts; now they all begin to ask.")
        _play(Outages, site, teller, threads=THREADS, **AS_USUAL)
        # With all threads for v2: none of its users is answered by v1, however busy the machine is.
        _play(Releases, site, teller, threads=4)


def _play(act: type[Outages | Releases], site: Site, teller: Teller, threads: int, **env: str) -> None:
    with site.serving(threads, **env) as server:
        try:
            with Load(server.port, site.people).running() as load:
                act(site, server, load, teller).run()
        except RehearsalError as error:
            report, log = "\n".join(site.lines("report")), server.log[-LOG_SHOWN:]
            raise RehearsalError(
                f"{error}\n\ncanary report:\n{report}\n\nThe end of the server's log:\n{log}"
            ) from error
