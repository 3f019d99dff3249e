"""Answers that are made while they are sent: each keeps a thread for as long as its reader takes."""

from collections.abc import Generator, Iterator
from contextlib import closing

from cms.costs.answering import is_answering
from cms.costs.turns import Busy, Places


def sent_in_place[Piece](places: Places, what: str, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Return the pieces, which are sent in a place. Raises Busy, before anything is sent.

    A repetition beside requests has no place: nobody would read it.
    """
    return begun(_in_place(places, what, pieces))


def begun[Piece](pieces: Generator[Piece]) -> Iterator[Piece]:
    """Return the pieces, the first of which is made at once: while another answer is possible."""
    return _continued(next(pieces), pieces)


def _in_place[Piece](places: Places, what: str, pieces: Iterator[Piece]) -> Generator[Piece]:
    if not (is_answering() and places.take()):
        raise Busy(what)
    try:
        yield from pieces
    finally:
        places.give_back()


def _continued[Piece](first: Piece, rest: Generator[Piece]) -> Generator[Piece]:
    with closing(rest):
        yield first
        yield from rest
