"""A desk in memory, somebody at the page over it, and a browser."""

import pytest

from annotations.review.app import create_app
from tests.browser import browser, chromium
from tests.fake_desk import FakeDesk
from tests.review_page import PORT, Reviewer

__all__ = ["browser", "chromium"]


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def reviewer(desk: FakeDesk) -> Reviewer:
    return Reviewer(create_app(desk, PORT))
