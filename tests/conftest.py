"""What every test stands on: no developer's environment, quiet logs."""

import os

import pytest
import structlog


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
