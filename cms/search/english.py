"""English: the words that say nothing, and the stems of the others."""

from functools import lru_cache
from typing import Final

from snowballstemmer import stemmer

# The list of Snowball, as PostgreSQL's `english` has it.
_LISTED: Final = """
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its
itself they them their theirs themselves what which who whom this that these those am is are was were be been being
have has had having do does did doing a an the and but if or because as until while of at by for with about against
between into through during before after above below to from up down in out on off over under again further then once
here there when where why how all any both each few more most other some such no nor not only own same so than too very
s t can will just don should now
"""
STOP_WORDS: Final = frozenset(_LISTED.split())
IGNORED: Final = "-"  # stands for a stop word, so that a phrase knows how far apart its words are; no engine indexes it


def is_english(language: str) -> bool:
    """Whether a BCP 47 tag is one of English."""
    return language.lower().partition("-")[0] == "en"


def stem(word: str) -> str:
    """Return the stem of a folded word (Snowball's English stemmer, "Porter 2"); a word beyond a to z stays itself."""
    # A stemmer holds the word it works on: one shared by threads would mix them up.
    return str(stemmer("english").stemWord(word)) if word.isascii() and word.isalpha() else word


@lru_cache(maxsize=100_000)
def english_key(word: str) -> str:
    """Return the key of a folded word in the index of an English text."""
    return IGNORED if word in STOP_WORDS else stem(word)
