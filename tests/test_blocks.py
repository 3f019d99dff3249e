"""Blocks of code in the documents: each can be read by its language, and what shell blocks name exists.

`make tutorials` runs the blocks that a reader can do in a checkout. The others carry a mark of `tests/tutorials`.
"""

import argparse
import contextlib
import doctest
import functools
import importlib.util
import io
import itertools
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from canary.verbs.registry import all_verbs
from tests.deploy.tools import SERVICES
from tests.test_docs import environment_variables
from tests.tutorials.pages import IN_TESTS_OF_THEIR_OWN, PAGES, TRANSLATED
from tests.tutorials.sessions import MARKS, Step, steps_of

ROOT: Final = Path(__file__).resolve().parent.parent
PLACES: Final = (
    "*.md",
    ".github/*.md",
    "api_v*/*.md",
    "cms/**/*.md",
    "docs/**/*.md",
    "scripts/**/*.md",
    "tests/**/*.md",
)
DOCUMENTS: Final = [path for place in PLACES for path in ROOT.glob(place) if "node_modules" not in path.parts]
LANGUAGES: Final = {
    *("sh", "python", "json", "yaml", "toml", "nginx", "sql", "js", "ts", "html", "http", "markdown", "text", "")
}
STANDS_FOR: Final = "`manage.py` stands for `.venv/bin/python manage.py`"
OF_OTHERS: Final = {"STANDINS", "TMPDIR"}
"""Variables of scripts and of the system, which no setting of ours has."""
INSTALLED: Final = "/srv/tandem/repo"
_FENCE = re.compile(r"^( *)```(\w*)([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_OPERATOR = re.compile(r"[();<>|&\n]+")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")


class Block(NamedTuple):
    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """The blocks of all documents in one of these languages, or all blocks."""
    return [
        Block(page, text.count("\n", 0, fence.start()) + 2, fence[2], fence[4])
        for page, text in ((page, page.read_text()) for page in DOCUMENTS)
        for fence in _FENCE.finditer(text)
        if not languages or fence[2] in languages
    ]


@functools.cache
def shell() -> list[tuple[str, Step]]:
    """Each step of the documents, with the name of its page."""
    return [(str(page.relative_to(ROOT)), step) for page in DOCUMENTS for step in steps_of(page)]


def commands(script: str) -> Iterator[list[str]]:
    """Split a piece of shell into the words of its simple commands, without comments and texts in place."""
    script = re.sub(r"<<'(\w+)'([^\n]*\n).*?^\1$", r"\2", script, flags=re.MULTILINE | re.DOTALL)
    script = re.sub(r"(^|\s)# .*$", r"\1", script.replace("\\\n", " "), flags=re.MULTILINE)
    for inner in re.findall(r"\$\(([^()]*)\)", script):
        yield from commands(inner)
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "X", script), posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = " \t", "", True
    for is_operator, group in itertools.groupby(lexer, lambda word: _OPERATOR.fullmatch(word) is not None):
        words = list(group)
        if not is_operator:
            yield words
            if words[0] in ("sh", "$C"):  # which get a script as one word
                yield from itertools.chain.from_iterable(commands(word) for word in words if "\n" in word)


@functools.cache
def named_commands() -> list[tuple[str, Step, list[str]]]:
    """Each simple command of the documents, with its page and step."""
    steps = [(page, step) for page, step in shell() if step.mark not in ("settings", "usage")]
    return [(page, step, words) for page, step in steps for words in commands(step.script)]


def of_manage(words: list[str]) -> list[str] | None:
    """The arguments that `manage.py` gets in these words; None if it is not in them."""
    place = next(
        (at for at, word in enumerate(words) if re.search(r"(?:^|/)(?:manage\.py|tandem-manage)$", word)), None
    )
    return None if place is None or words[0] in ("cp", "install", "grep") else words[place + 1 :]


@functools.cache
def parser_of(command: str) -> argparse.ArgumentParser:
    app = get_commands()[command]
    loaded = load_command_class(app, command) if isinstance(app, str) else app
    return loaded.create_parser("manage.py", command)


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, Any]:
    return next((dict(a.choices) for a in parser._actions if isinstance(a, argparse._SubParsersAction)), {})  # type: ignore[arg-type]


def unknown_words(words: list[str]) -> list[str]:
    """Those words of a command line, with placeholders in it, that are no command, verb or option."""
    if words[0] not in get_commands():
        return [] if words[0].isupper() else words[:1]
    parser, rest = parser_of(words[0]), words[1:]
    options = set(parser._option_string_actions)
    while (verbs := verbs_of(parser)) and rest and re.fullmatch(r"[a-z-]+", rest[0]):
        if rest[0] not in verbs:
            return rest[:1]
        parser = verbs[rest.pop(0)]
        options |= set(parser._option_string_actions)
    named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(words))
    return [option for option in named if option not in options]


def test_every_shell_block_is_run_or_marked() -> None:
    run = PAGES.keys() | IN_TESTS_OF_THEIR_OWN | TRANSLATED
    steps = list(shell())
    assert len(steps) > 80
    assert {step.mark for _, step in steps} == {"", *MARKS}
    assert [f"{page}:{step.line}" for page, step in steps if not step.mark and page not in run] == []


def test_every_block_has_a_language_that_is_known() -> None:
    assert [str(block) for block in blocks() if block.language not in LANGUAGES] == []
    assert len(blocks("sh")) == len({(page, step.line) for page, step in shell()})


def test_every_shell_block_can_be_read_by_a_shell() -> None:
    scripts = "\n".join(step.script for _, step in shell())
    done = subprocess.run(["bash", "-n"], input=scripts, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_of_a_shell_block_takes_its_arguments() -> None:
    seen = 0
    for page, step, words in named_commands():
        arguments = of_manage(words)
        if arguments:
            seen += 1
            assert arguments[0] in get_commands(), f"{page}:{step.line}"
            parser_of(arguments[0]).parse_args(arguments[1:])  # raises CommandError
    assert seen > 50


def test_every_command_in_a_sentence_or_a_usage_exists_with_its_options() -> None:
    lines = [line.split() for _, step in shell() if step.mark == "usage" for line in step.script.splitlines()]
    found = [words[1:] for words in lines]
    for page in DOCUMENTS:
        sentences = _FENCE.sub("", page.read_text())
        for manage, canary in re.findall(r"`(?:[^`\n]*\bmanage\.py ([^`]+)|(canary [^`/]+))`", sentences):
            found.append((manage or canary).replace("\\|", "|").split())
    assert len(found) > 100
    assert [(words, unknown) for words in found if (unknown := unknown_words(words))] == []


def test_a_page_that_shortens_a_command_says_so() -> None:
    short = re.compile(r"(?<!python)(?<!python3) manage\.py")
    pages = {page for page, _, words in named_commands() if short.search(" ".join(["", *words]))}
    assert pages
    assert [page for page in pages if STANDS_FOR not in " ".join((ROOT / page).read_text().split())] == []


def test_every_make_target_of_a_shell_block_exists_and_takes_its_variables() -> None:
    makefile = (ROOT / "Makefile").read_text()
    seen = [words[words.index("make") + 1 :] for _, _, words in named_commands() if "make" in words[:2]]
    assert len(seen) > 20
    for word in itertools.chain.from_iterable(seen):
        name, is_variable, _ = word.partition("=")
        assert (f"$({name})" if is_variable else f"\n{name}: ") in makefile, word


def test_every_module_that_a_document_runs_exists() -> None:
    modules = {name for page in DOCUMENTS for name in re.findall(r"python3? -m ([a-z_.]+)", page.read_text())}
    assert {"gunicorn", "scripts.roles"} <= modules
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


def test_every_variable_of_a_shell_block_is_a_setting_or_used_on_its_page() -> None:
    known, seen = environment_variables() | OF_OTHERS, set[str]()
    for page, step in shell():
        text = (ROOT / page).read_text()
        for words in commands(step.script):
            start = 1 if words[0] in ("export", "env") else 0
            names = [_ASSIGNMENT.match(word) for word in words[start:]]
            for name in itertools.takewhile(bool, names):
                assert name
                seen.add(name[1])
                assert name[1] in known or f"${name[1]}" in text or f"${{{name[1]}" in text, (
                    f"{page}:{step.line}: {name[1]}"
                )
    assert {"OIDC_ISSUER", "TOKEN", "DATABASE_URL", "MEDIA_ROOT"} <= seen


def test_lines_of_a_file_of_settings_have_no_comment_that_systemd_would_take_for_a_value() -> None:
    lines = [line for _, step in shell() if step.mark == "settings" for line in step.script.splitlines()]
    assert len(lines) > 20
    assert [line for line in lines if not re.fullmatch(r'[A-Z][A-Z0-9_]*=(?:[^\s#"]*|"[^"]*")', line)] == []


def test_every_file_of_this_project_that_a_shell_block_names_exists() -> None:
    seen = 0
    for page, step in shell():
        base = ROOT
        for words in commands(step.script):
            if words[0] == "cd" and words[1].startswith(INSTALLED):
                base = ROOT / words[1].removeprefix(INSTALLED).lstrip("/")
                assert base.is_dir(), f"{page}:{step.line}: {words[1]}"
            for word in words:
                path = (ROOT if word.startswith(INSTALLED) else base) / word.removeprefix(f"{INSTALLED}/")
                first = path.relative_to(base).parts[:1] if path.is_relative_to(base) else ()
                if words[0] == "kubectl" or "/" not in word or "$" in word or first in ((), ("..",)):
                    continue
                if (base / first[0]).is_dir():
                    seen += 1
                    assert list(path.parent.glob(path.name)), f"{page}:{step.line}: {word}"
    assert seen > 8


def test_every_service_of_compose_kubernetes_and_systemd_that_a_shell_block_names_exists() -> None:
    manifests = "".join(path.read_text() for path in (ROOT / "deploy/kubernetes").glob("*.yaml"))
    units = {path.name.replace("@.", ".") for path in (ROOT / "deploy/systemd").glob("tandem-*.*")}
    for page, step, words in named_commands():
        where = f"{page}:{step.line}: {words}"
        if words[0] == "$C" and words[1] in ("exec", "run", "stop"):
            services = [word for word in words[2:] if word in SERVICES]
            assert services, where
            assert words[1] != "stop" or services == words[2:], where
        if words[0] == "kubectl":
            assert all(f"name: {name}" in manifests for name in re.findall(r"\btandem-[a-z]+", " ".join(words))), where
        if words[0] in ("systemctl", "journalctl"):
            for unit in re.findall(r"\btandem-[a-z]+(?:@\d+)?(?:\.timer)?", " ".join(words)):
                name, _, kind = re.sub(r"@\d+", "", unit).partition(".")
                assert f"{name}.{kind or 'service'}" in units, where


def test_every_address_of_the_control_api_in_a_document_is_one_of_its_verbs() -> None:
    found = {path for page in DOCUMENTS for path in re.findall(r"/canary/api/([a-z][a-z/-]*)", page.read_text())}
    verbs = {words[:length] for words in all_verbs() for length in range(1, len(words) + 1)}
    assert "rollback" in found
    assert {tuple(path.split("/")) for path in found} <= verbs


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_can_be_parsed(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_can_be_parsed(block: Block) -> None:
    assert yaml.safe_load(block.text)


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_toml_can_be_parsed(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_can_be_compiled_and_prints_what_its_page_says(block: Block) -> None:
    if block.text.startswith(">>>"):
        test = doctest.DocTestParser().get_doctest(block.text, {}, str(block), str(block.page), block.line)
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0
        return
    code = compile(block.text, str(block), "exec", dont_inherit=True)
    promised = re.findall(r"^print\(.*\)(?:  |\n)# (.+)$", block.text, re.MULTILINE)
    if promised:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, {})
        assert printed.getvalue().splitlines() == promised
