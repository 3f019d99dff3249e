"""The error that ends the play, as a sentence for the person at the terminal."""


class PlayError(Exception):
    """One sentence; the end of a log may follow."""
