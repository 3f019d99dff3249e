"""`python -m tests.rehearsal`: the rehearsal on a PostgreSQL and a Redis that it starts and stops by itself."""

import os
import sys
import tempfile
from pathlib import Path

from tests.engines import EngineError, start_engines
from tests.rehearsal.running import rehearse
from tests.rehearsal.site import RehearsalError
from tests.rehearsal.telling import Teller


def main() -> int:
    teller = Teller()
    try:
        engines = start_engines({**os.environ, "REQUIRE_SERVICES": "1"})
        teller.say("; ".join(engines.summary()))
        with tempfile.TemporaryDirectory(prefix="tandem-rehearsal-") as folder:
            rehearse(str(engines.database_url), str(engines.redis_url), Path(folder), teller)
        engines.stop()
    except (EngineError, RehearsalError) as error:
        print(f"\nThe rehearsal failed. {error}", file=sys.stderr)
        return 1
    teller.say("The rehearsal is over.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
