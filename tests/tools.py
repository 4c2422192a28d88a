"""Programs that are not Python packages, such as LibreOffice and Chromium, for the tests that drive them."""

import os
import shutil

import pytest


def required_tool(*names: str) -> str:
    """Path of the first of these programs that is installed; without any the test skips, saying so.

    With HGLD_REQUIRE_TOOLS set, as continuous integration has it, the test fails instead.
    """
    found = next(filter(None, map(shutil.which, names)), None)
    if found:
        return found
    message = f"not installed: {' or '.join(names)}"
    if os.environ.get("HGLD_REQUIRE_TOOLS"):
        pytest.fail(message)
    pytest.skip(message)
