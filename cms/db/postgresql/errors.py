"""Errors when no connection is available. Django turns both into its own OperationalError.

Apart from the pool: `cms/db/__init__.py` finds them by this module's name, without loading a driver that isn't in use.
"""

import psycopg


class DatabaseUnreachable(psycopg.OperationalError):
    """Nobody answers where the database should be; it isn't worth waiting for."""


class PoolBusy(psycopg.OperationalError):
    """The database is there, but all connections were in use for as long as one may wait."""


class ShareBusy(PoolBusy):
    """So were those that views may have beside those of requests, by whose code alone that is."""
