"""The little that must be known of a statement's text without parsing it: its tokens and its names."""

import re
from collections.abc import Iterator
from typing import NamedTuple

NAME = r"(?:`(?:[^`]|``)+`|\w+)(?:\s*\.\s*(?:`(?:[^`]|``)+`|\w+))*"
"""A regular expression of a name of one or more parts."""

STRING = r"""(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")"""
"""A regular expression of a string literal."""

_TOKEN = re.compile(
    rf"(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<string>{STRING})|(?P<quoted>`(?:[^`]|``)*`)|(?P<word>\w+)|(?P<sign>=>|.)",
    re.DOTALL,
)


class Token(NamedTuple):
    """One token: `kind` is space (comments too), string, quoted, word or sign."""

    kind: str
    text: str


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a statement; joined, their texts are the statement."""
    for match in _TOKEN.finditer(text):
        yield Token(str(match.lastgroup), match[0])


def trimmed(text: str) -> str:
    """The statement without the comments and blanks around it and without a final semicolon."""
    found = list(tokens(text))
    while found and (found[0].kind == "space"):
        del found[0]
    while found and (found[-1].kind == "space" or found[-1].text == ";"):
        del found[-1]
    return "".join(token.text for token in found)


def name_parts(name: str) -> list[str]:
    """The parts of a name, without their backticks."""
    parts = re.findall(r"`(?:[^`]|``)+`|\w+", name)
    return [part[1:-1].replace("``", "`") if part.startswith("`") else part for part in parts]


def quoted(*parts: str) -> str:
    """A name of these parts, each in backticks."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def string_value(literal: str) -> str:
    """What a string literal says."""
    quote = literal[0]
    return re.sub(r"\\(.)", r"\1", literal[1:-1].replace(quote * 2, quote), flags=re.DOTALL)
