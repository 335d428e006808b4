"""A command line cut into words as a shell does it, without running anything.

Pure. Knows POSIX quotes and ``$'…'``; of Windows the carets of ``cmd`` and PowerShell's back-tick at
a line's end. Variables stay as they were written.
"""

import re

from flowforge.errors import Invalid

# A run of characters that mean nothing to a shell, outside of quotes and inside double ones.
_PLAIN = re.compile(r"[^\s\"'\\$`|;&<>]+")
_PLAIN_IN_DOUBLE = re.compile(r'[^"\\$`]+')
_CONTINUED = re.compile(r"[ \t]*[\\`]\r?\n")
_BLANK = re.compile(r"[^\S\n]+")
_REDIRECTION = re.compile(r"[0-9&]?>|<")
_COMMENT = re.compile(r"#(\s|$)")
# Carets that cmd takes away: whoever has one at a line's end, or before the first quote, is of cmd.
_OF_CMD = re.compile(r'\^\r?\n|curl(\.exe)?\s+\^"')
_CARET_AT_END = re.compile(r"[ \t]*\^\r?\n")
_CARET = re.compile(r"\^(.)")
_ESCAPE = re.compile(
    r"\\(?:(?P<one>[abefnrtvE\\'\"?])|x(?P<x>[0-9a-fA-F]{1,2})|u(?P<u>[0-9a-fA-F]{1,4})"
    r"|U(?P<w>[0-9a-fA-F]{1,8})|(?P<o>[0-7]{1,3}))"
)
_ONE = dict(zip("abefnrtvE\\'\"?", "\a\b\x1b\f\n\r\t\v\x1b\\'\"?", strict=True))
_IN_ANSI = re.compile(r"(?:[^'\\]|\\.)*'", re.DOTALL)
_LAST_CHARACTER = 0x10FFFF


def words(text: str) -> list[str]:
    """The words of the first command in ``text``.

    Raises: Invalid for a quote that nobody closed, and for a command inside the command.
    """
    line, at = _of_any_shell(text), 0
    found: list[str] = []
    while True:
        at = _behind_blanks(line, at)
        if _ends(line, at) or _REDIRECTION.match(line, at) or _COMMENT.match(line, at):
            return found
        word, at = _word(line, at)
        found.append(word)


def quoted(word: str) -> str:
    """``word`` as a shell reads it back, whatever is in it."""
    return "'" + word.replace("'", "'\\''") + "'"


def _of_any_shell(text: str) -> str:
    if not _OF_CMD.search(text):
        return text
    return _CARET.sub(r"\1", _CARET_AT_END.sub(" ", text))


def _behind_blanks(line: str, at: int) -> int:
    while found := _CONTINUED.match(line, at) or _BLANK.match(line, at):
        at = found.end()
    return at


def _ends(line: str, at: int) -> bool:
    """Whether the command ends here. An ampersand or semicolon inside of an address does not."""
    here, after = line[at : at + 1], line[at + 1 : at + 2]
    return here in {"", "\n", "|"} or (here in {"&", ";"} and (not after.strip() or after == here))


def _word(line: str, at: int) -> tuple[str, int]:
    parts: list[str] = []
    while not _ends(line, at) and not line[at].isspace():
        if _CONTINUED.match(line, at):
            break
        if plain := _PLAIN.match(line, at):
            part, at = plain[0], plain.end()
        elif line.startswith("$'", at):
            part, at = _ansi(line, at + 2)
        elif line[at] == "'":
            end = line.find("'", at + 1)
            if end < 0:
                raise _unclosed("'")
            part, at = line[at + 1 : end], end + 1
        elif line[at] == '"':
            part, at = _double(line, at + 1)
        elif line[at] == "\\":
            part, at = line[at + 1 : at + 2], at + 2
        else:
            part, at = _sign(line, at)
        parts.append(part)
    return "".join(parts), at


def _double(line: str, at: int) -> tuple[str, int]:
    """What stands in double quotes that were opened before ``at``."""
    parts: list[str] = []
    while line[at : at + 1] != '"':
        if at >= len(line):
            raise _unclosed('"')
        if plain := _PLAIN_IN_DOUBLE.match(line, at):
            part, at = plain[0], plain.end()
        elif line[at] == "\\":
            following = line[at + 1 : at + 2]
            # Before anything else a backslash is itself; before a line's end both are nothing.
            part = "" if following == "\n" else following
            part, at = part if following in '"\\$`\n' else f"\\{following}", at + 2
        else:
            part, at = _sign(line, at)
        parts.append(part)
    return "".join(parts), at + 1


def _ansi(line: str, at: int) -> tuple[str, int]:
    found = _IN_ANSI.match(line, at)
    if found is None:
        raise _unclosed("'")
    return _ESCAPE.sub(_meant, found[0][:-1]), found.end()


def _meant(escape: re.Match[str]) -> str:
    if one := escape["one"]:
        return _ONE[one]
    digits = escape["x"] or escape["u"] or escape["w"]
    code = int(digits, 16) if digits else int(escape["o"], 8)
    return chr(code) if code <= _LAST_CHARACTER else escape[0]


def _sign(line: str, at: int) -> tuple[str, int]:
    """A dollar, a back-tick or another sign that is itself where it runs nothing."""
    if line[at] == "`" or line.startswith("$(", at):
        raise Invalid(
            "The line runs another command inside of it. Put that command's result in its place."
        )
    return line[at], at + 1


def _unclosed(quote: str) -> Invalid:
    return Invalid(f"The line has a {quote} that is never closed. Copy the whole command.")
