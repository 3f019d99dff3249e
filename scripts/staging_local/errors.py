"""What stops staging, as sentences for the person at the terminal."""


class StagingError(Exception):
    """One sentence, with what can be done about it; the end of a log may follow."""
