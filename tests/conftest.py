"""What every test stands on: no developer's environment, quiet logs."""

import os
from pathlib import Path

import pytest
import structlog

HERE = Path(__file__).parent
# What needs the machine, or the process, for itself: a test there cannot forget to say so.
MARKED_FOLDERS = {
    HERE / "browser": [pytest.mark.browser, pytest.mark.timeout(180)],
    HERE / "chaos": [pytest.mark.chaos],
}


# Before pytest itself chooses by mark.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in MARKED_FOLDERS.get(item.path.parent, []):
            # A test's own limit stands.
            if mark.name != "timeout" or item.get_closest_marker("timeout") is None:
                item.add_marker(mark)


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    for name in [name for name in os.environ if name.startswith("FLOWFORGE_")]:
        del os.environ[name]


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    """The default draws every frame with its locals: seconds of a blocked event loop each time.

    For each test again: some set logging up themselves, and leave the default behind.
    """
    plain = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
