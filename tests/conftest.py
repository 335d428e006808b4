"""What every test stands on: no developer's environment, quiet logs."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    for name in [name for name in os.environ if name.startswith("FLOWFORGE_")]:
        del os.environ[name]
