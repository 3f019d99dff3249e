"""The rules, and the faults that they find in one file or in the subjects of commits."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from scripts.language.texts import Text, markdown_texts, prose_lines, python_texts

WORDS_MAX: Final = 30
COLUMNS_MAX: Final = 120
SUBJECT_MAX: Final = 72
# Regular expressions of what is avoided, and what to write instead.
AVOIDED: Final = {
    r"no good|is(?: not|n't) good|are(?: not|n't) good": "invalid",
    r"anew": "again",
    r"who(?:m|so)?ever": "each, every, anyone who",
    r"whatever": "each, every, any",
    r"ahead of": "before, in advance",
    r"but for": "unless, except",
    r"lets?(?: \w+)? through|letting(?: \w+)? through": "accept; reject, refuse",
    r"what (?:was|is) deleted": "a deleted post",
    r"(?<!there )is no (?!good|longer|more|less|better|worse|one|other|different)\w+": "is not a",
    r"(?:is|are) \w+ed since": "has been … since",
}
PHRASES: Final = {re.compile(rf"(?<![\w-])(?:{phrase})(?![\w-])", re.I): use for phrase, use in AVOIDED.items()}
# With this word in its sentence a phrase is plain English: "not for readers but for writers", "a clock ahead of ours".
RIGHT_WITH: Final = {"but for": "not for", "ahead of": "clock"}
OPENING: Final = re.compile(r"(?:Of|What|Whoever|That which)\b(?!.*\?$)")
CODE: Final = re.compile(r"(`+).+?\1")
LINK: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
SUBJECT: Final = re.compile(r"[a-z][\w ,./-]*: ([\w-]+),? .+")
VERBS: Final = {"alias", "bring", "embed", "exceed", "feed", "need", "ping", "proceed", "seed", "speed", "string"}
NO_VERB: Final = re.compile(
    r".+(?:ing|ed|[^su]s)|an?|the|its?|this|these|no|not|one|two|all|each|every|some|any"
    r"|what|how|who|where|when|which|why|of|in|on|for|to"
)


@dataclass(frozen=True)
class Fault:
    place: str
    what: str
    """What is wrong and what is allowed."""
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}: {self.text}"

    @property
    def digest(self) -> str:
        """The same wherever the text stands, so that one that was only moved is none that changed."""
        return hashlib.sha256(f"{self.what}: {self.text}".encode()).hexdigest()[:12]


def faults_of_file(name: str, source: str) -> Iterator[Fault]:
    is_python = name.endswith(".py")
    for number, line in enumerate(source.splitlines(), 1) if is_python else prose_lines(source):
        if len(line) > COLUMNS_MAX and not line.startswith("|"):
            what = f"{len(line)} columns, at most {COLUMNS_MAX} are allowed"
            yield Fault(f"{name}:{number}", what, line.strip())
    for text in python_texts(source) if is_python else markdown_texts(source):
        for number, sentence in text.sentences():
            yield from (Fault(f"{name}:{number}", what, sentence) for what in _faults_of(text, sentence))


def _faults_of(text: Text, sentence: str) -> Iterator[str]:
    read = LINK.sub(r"\1", CODE.sub("`code`", sentence))
    count = sum(any(map(str.isalnum, word)) for word in read.split())
    if text.is_prose and count > WORDS_MAX:
        yield f"{count} words in a sentence, at most {WORDS_MAX} are allowed"
    if not text.is_label and (opening := OPENING.match(read)):
        yield f'no sentence opens with "{opening[0]}", begin with the one who acts'
    for phrase, instead in PHRASES.items():
        found = phrase.search(read)
        if found and not _is_plain(found[0].lower(), read):
            yield f'"{found[0]}" is avoided, write "{instead}"'


def _is_plain(phrase: str, sentence: str) -> bool:
    return phrase in RIGHT_WITH and RIGHT_WITH[phrase] in sentence.lower()


def faults_of_subjects(subjects: Iterable[tuple[str, str]]) -> Iterator[Fault]:
    """`subjects` are pairs of a commit's id and its first line."""
    for commit, subject in subjects:
        if len(subject) > SUBJECT_MAX:
            what = f"{len(subject)} characters in a subject, at most {SUBJECT_MAX} are allowed"
            yield Fault(f"commit {commit}", what, subject)
        found = SUBJECT.fullmatch(subject)
        if not found or not _is_imperative(found[1]):
            yield Fault(f"commit {commit}", 'a subject is "area: imperative verb object"', subject)


def _is_imperative(word: str) -> bool:
    """Whether the word can be one: not "adds", "added", "adding", an article or a question."""
    return word in VERBS or (word.isalpha() and word.islower() and not NO_VERB.fullmatch(word))
