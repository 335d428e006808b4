"""Every setting is documented, and nothing else is."""

import re
from pathlib import Path

from flowforge.config import PREFIX, Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / ".env.example").read_text()
DOCUMENTED = dict(re.findall(rf"^{PREFIX}(\w+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    assert {name.lower() for name in DOCUMENTED} == set(Settings.model_fields)


def test_every_setting_in_the_example_follows_a_comment() -> None:
    comment = ""
    silent = []
    for line in EXAMPLE.splitlines():
        if line.startswith("#"):
            comment = line
        elif not line.strip():
            comment = ""
        elif not comment:
            silent.append(line)
    assert silent == []


def test_the_example_shows_the_defaults() -> None:
    shown = Settings(_env_file=ROOT / ".env.example").model_dump()
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert {name: value for name, value in shown.items() if value != defaults[name]} == {}
