"""One closing line for several runs of pytest: the last adds what the others have counted.

``TEST_FIGURES_OUT=file`` writes the counts of a run, ``TEST_FIGURES_IN="file file"`` adds them to
another.
"""

import json
import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

COUNTED = ("failed", "passed", "skipped", "xfailed", "xpassed", "error")


@dataclass(frozen=True)
class Earlier:
    """Stands for one test of the earlier run; its report has been printed there."""

    count_towards_summary: bool = True


# Outermost: by the time the others are done, the reports of this run have been printed.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: TerminalReporter) -> Generator[None, None, None]:
    yield
    stats = terminalreporter.stats
    if target := os.environ.get("TEST_FIGURES_OUT"):
        Path(target).write_text(json.dumps({name: len(stats.get(name, [])) for name in COUNTED}))
    for source in os.environ.get("TEST_FIGURES_IN", "").split():
        for name, count in json.loads(Path(source).read_text()).items():
            if count:
                stats.setdefault(name, []).extend(Earlier() for _ in range(count))
