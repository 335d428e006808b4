"""The page about verifying tells what the code does: one line for each row."""

from pathlib import Path

import pytest

from flowforge.services.verifying import SCHEMES
from flowforge.services.verifying.handshakes import LONGEST_ECHO

PAGE = (Path(__file__).parents[2] / "docs" / "verification.md").read_text()
TABLE = PAGE.partition("## Schemes")[2].partition("What is not in a row")[0]
LINES = {
    cells[1].strip("` "): [cell.strip() for cell in cells[1:-1]]
    for cells in (line.split("|") for line in TABLE.splitlines() if line.startswith("| `"))
}


def test_the_page_has_every_scheme_and_no_other() -> None:
    assert list(LINES) == list(SCHEMES)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_line_says_what_the_row_says(name: str) -> None:
    row = SCHEMES[name]
    _, signature, algorithm, signed, time, repeat, handshakes, needs = LINES[name]
    after = f" after `{row.prefix}`" if row.prefix else ""
    assert signature == _code(row.signature) + after
    if row.kind == "signature":
        assert algorithm.startswith(row.algorithm)
        assert signed == _code(row.template)
        assert row.algorithm == "ed25519" or algorithm.endswith(row.encoding)
    assert time == _code(row.time)
    assert repeat == _code(*row.dedupe)
    assert handshakes == _code(*row.handshakes)
    assert needs == _code(*row.needs)


def test_the_page_tells_every_handshake() -> None:
    told = PAGE.partition("## Handshakes")[2]
    for row in SCHEMES.values():
        for name in row.handshakes:
            assert f"| `{name}` |" in told
    assert f"at most {LONGEST_ECHO} characters" in told


def _code(*texts: str) -> str:
    return ", ".join(f"`{text}`" for text in texts if text)
