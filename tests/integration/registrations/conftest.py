"""``github``: a house whose GitHub is a fake beside it."""

from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.servers.github import FakeGitHub


@pytest.fixture
def changes(httpserver: HTTPServer) -> dict[str, Any]:
    return {"github_api_url": httpserver.url_for("/")}


@pytest.fixture
def github(httpserver: HTTPServer) -> FakeGitHub:
    return FakeGitHub(httpserver)
