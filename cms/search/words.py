"""From text to words as the index holds them: folded, cut where a script has no blanks, spelt in ASCII.

Both engines store what comes out of here and cut nothing themselves, so they can't differ in what they find.
"""

import re
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

WORD_MAX: Final = (
    64  # characters; what follows is no longer told apart (PostgreSQL refuses index entries beyond 2,700 bytes)
)
WRITTEN_MAX: Final = 4 * WORD_MAX  # before accents and joiners are gone
REMEMBERED_MAX: Final = 32  # characters; longer words are rare, and made-up ones would fill a process' memory
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
# The first opens a word that isn't ASCII, so that none is spelt like one that is. The second opens a word that begins
# with a digit: PostgreSQL's parser takes the beginning of 18e6x for a number and cuts it off.
FOREIGN: Final = "zq"
NUMERIC: Final = "zd"

# Scripts written without blanks, or with particles that cling to words (Hangul): a word in them is found anywhere.
_UNSPACED_RANGES: Final = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x1780, 0x17FF),  # Khmer
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3031, 0x318F),  # Kana, Bopomofo, Hangul compatibility Jamo
    (0x31A0, 0x31FF),
    (0x3400, 0x9FFF),  # Han
    (0xA960, 0xA97F),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xAC00, 0xD7FF),  # Hangul syllables
    (0xF900, 0xFAFF),
    (0xFF66, 0xFFDC),  # half-width Kana and Jamo
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFF),
)
# Accents, Hebrew points and Arabic vowel signs: what readers leave out when they search.
_STRIPPED_RANGES: Final = (
    (0x0300, 0x036F),
    (0x0591, 0x05C7),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
)
_LETTERS_WITHOUT_PARTS: Final = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ı": "i", "ŧ": "t", "ŋ": "n",
}  # fmt: skip


def _character_class(ranges: tuple[tuple[int, int], ...]) -> str:
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


def _marks(codes: Iterable[int]) -> str:
    """Return the combining marks of these characters, as a class: Python's \\w knows letters and digits alone."""
    return "".join(f"\\U{code:08x}" for code in codes if unicodedata.category(chr(code))[0] == "M")


# Soft hyphen and joiners stand inside words and are none of their letters. Marks beyond the first plane have a class of
# their own, which is only looked at for such characters: one class of both is looked up mark by mark.
_INSIDE: Final = (
    f"(?:[{_marks(range(0x10000))}\u00ad\u200c\u200d]"
    f"|(?=[\U00010000-\U0010ffff])[{_marks((*range(0x10000, 0x20000), *range(0xE0100, 0xE01F0)))}])"
)
# \w alone is several times as fast as without its underscore, which `_without_underscores` takes away.
_WORD: Final = re.compile(rf"\w+(?:{_INSIDE}+\w*)*")
_ASCII_WORD: Final = re.compile(r"\w+", re.ASCII)
_UNSPACED: Final = re.compile(f"[{_character_class(_UNSPACED_RANGES)}]+")
_STRIPPED: Final = re.compile(f"[{_character_class(_STRIPPED_RANGES)}\u00ad\u200c\u200d]")
_NO_LETTER: Final = re.compile(rf"(?:(?!{_INSIDE})[\W_])+")
_JOINING: Final = re.compile(_INSIDE)
_WITHIN: Final = re.compile(rf"\w|{_INSIDE}")
_PLAIN_INITIALS: Final = frozenset("abcdefghijklmnopqrstuvwxy")
"""Letters that open the keys of words which begin with the same letter, or one of its accented forms, and no others."""
_REPLACED: Final = str.maketrans(_LETTERS_WITHOUT_PARTS)


class Word(NamedTuple):
    """A word and its place in a text. A run of a script without blanks gives pairs of characters and its last one."""

    key: str
    """Folded, not stemmed, and spelt in ASCII."""
    start: int
    end: int
    is_run_part: bool = False
    is_run_end: bool = False
    """The single character that closes a run; another word that begins with it may go on."""


def words_of(text: str) -> Iterator[Word]:
    """Yield the words of `text` in order. Any character other than a letter, digit or mark only separates them."""
    text = _without_underscores(text)
    pattern = _ASCII_WORD if text.isascii() else _WORD
    has_unspaced = _UNSPACED.search(text) is not None
    for match in pattern.finditer(text):
        if has_unspaced and _UNSPACED.search(match.group()):
            yield from _words_of_scripts(match.group(), match.start())
        elif key := _key_of(match.group()[:WRITTEN_MAX]):
            yield Word(key, *match.span())


def iter_keys(text: str) -> Iterator[str]:
    """Return what `keys_of` does, one by one, for a caller that may stop early."""
    return (word.key for word in words_of(text)) if _UNSPACED.search(text) else iter(keys_of(text))


def keys_of(text: str) -> list[str]:
    """Return the keys of the words of `text`: the same as of `words_of`, sooner."""
    if _UNSPACED.search(text):
        return [word.key for word in words_of(text)]
    text = _without_underscores(text)
    pattern = _ASCII_WORD if text.isascii() else _WORD
    return [key for written in pattern.findall(text) if (key := _key_of(written[:WRITTEN_MAX]))]


def places_of(text: str, is_wanted: Callable[[str], bool], initials: Collection[str] = ()) -> list[tuple[int, int]]:
    """Return the places of words whose key is wanted: the same as of `words_of`, sooner.

    `initials` are those of all wanted keys, if they are known. Then a text is not cut into all of its words.
    """
    if not text.isascii() and _UNSPACED.search(text):
        return [(word.start, word.end) for word in words_of(text) if is_wanted(word.key)]
    known: dict[str, bool] = {}
    matches = _words_beginning(_without_underscores(text), initials)
    return [match.span() for match in matches if _is_known(match[0], known, is_wanted)]


def _is_known(written: str, known: dict[str, bool], is_wanted: Callable[[str], bool]) -> bool:
    if written not in known:
        key = _key_of(written[:WRITTEN_MAX])
        known[written] = bool(key) and is_wanted(key)
    return known[written]


def _words_beginning(text: str, initials: Collection[str]) -> Iterable[re.Match[str]]:
    """Return the words whose keys may begin with one of these letters, or all words where that isn't known."""
    is_ascii = text.isascii()
    cut = (_ASCII_WORD if is_ascii else _WORD).finditer
    if not initials or not _PLAIN_INITIALS.issuperset(initials):
        return cut(text)
    found = []
    for match in _begun_by("".join(sorted(initials)), is_ascii).finditer(text):
        before = text[match.start() - 1] if match.start() else " "
        if not is_ascii and _JOINING.match(before):
            return cut(text)  # it joins the word to one before, if there is one
        if not before.isalnum():
            found.append(match)
    return found


@lru_cache(maxsize=256)
def _begun_by(initials: str, is_ascii: bool) -> re.Pattern[str]:
    """Match the rest of a word from one of these letters on, or from one that may fold to any of them.

    One class at the beginning lets the regular expression skip all other characters at once.
    """
    if is_ascii:
        return re.compile(rf"[{initials}{initials.upper()}]\w*", re.ASCII)
    others = "".join(sorted({*map(chr, range(0x80))} - {*initials, *initials.upper()}))
    return re.compile(rf"[^\W{re.escape(others)}]\w*(?:{_INSIDE}+\w*)*")


def is_unspaced(text: str) -> bool:
    """Return whether `text` begins with a character of a script that has no blanks between words."""
    return _UNSPACED.match(text) is not None


def is_within_words(character: str) -> bool:
    return character != "_" and _WITHIN.match(character) is not None


def _without_underscores(text: str) -> str:
    return text.replace("_", " ")


def _key_of(written: str) -> str:
    return _remembered_key(written) if len(written) <= REMEMBERED_MAX else spell(fold(written))


@lru_cache(maxsize=100_000)
def _remembered_key(written: str) -> str:
    return spell(fold(written))


def fold(word: str) -> str:
    """Return the word without case, accents and compatibility forms: `Café` and `cafe` are one. May be empty."""
    if word.isascii():
        return word.lower()
    bare = _STRIPPED.sub("", unicodedata.normalize("NFKD", word.casefold()))
    composed = unicodedata.normalize("NFKC", bare.casefold()).translate(_REPLACED)
    return _NO_LETTER.sub("", _STRIPPED.sub("", composed))


def spell(word: str) -> str:
    """Return a folded word in ASCII letters and digits, a letter first, cut to its first 64 characters.

    Which other characters make up a word depends on the locale in PostgreSQL and on Unicode's version in SQLite.
    Every character has four places, so that one word begins with another exactly when its spelling does.
    """
    word = word[:WORD_MAX]
    if not word.isascii():
        return FOREIGN + "".join(map(_in_four_places, word))
    return NUMERIC + word if word[:1].isdigit() else word


def unspell(key: str) -> str:
    """Return the folded word that is spelt like this, without what `spell` cuts off."""
    if key.startswith(NUMERIC) and key[len(NUMERIC) :][:1].isdigit():
        return key[len(NUMERIC) :]
    if not key.startswith(FOREIGN) or len(key) < len(FOREIGN) + 4:
        return key
    numbers = [int(key[at : at + 4], 36) for at in range(len(FOREIGN), len(key) - 3, 4)]
    return "".join(map(chr, numbers)) if all(number <= sys.maxunicode for number in numbers) else key


@lru_cache(maxsize=50_000)
def _in_four_places(character: str) -> str:
    """36 to the power of 4 is more than there are characters."""
    number, places = ord(character), ""
    for _ in range(4):
        number, rest = divmod(number, 36)
        places = DIGITS[rest] + places
    return places


def _words_of_scripts(written: str, offset: int) -> Iterator[Word]:
    """Yield the parts of a run that mixes scripts, such as 東京2025年."""
    position = 0
    for run in _UNSPACED.finditer(written):
        yield from _spaced(written[position : run.start()], offset + position)
        yield from _pairs(run.group(), offset + run.start())
        position = run.end()
    yield from _spaced(written[position:], offset + position)


def _spaced(written: str, start: int) -> Iterator[Word]:
    if key := _key_of(written[:WRITTEN_MAX]):
        yield Word(key, start, start + len(written))


def _pairs(run: str, start: int) -> Iterator[Word]:
    folded = fold(run)
    # Folding may join characters (half-width Kana and their voice marks): then the place is that of the whole run.
    is_same_length = len(folded) == len(run)
    for index in range(len(folded)):
        first = start + index if is_same_length else start
        last = min(first + 2, start + len(run)) if is_same_length else start + len(run)
        is_end = index == len(folded) - 1
        yield Word(spell(folded[index : index + 2]), first, last, is_run_part=True, is_run_end=is_end)
