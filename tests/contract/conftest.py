"""The switch that lets golden files be written: `make golden`, never by the way and never in CI."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden-write", action="store_true", help="write the golden files instead of comparing with them"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--golden-write") and os.environ.get("CI"):
        raise pytest.UsageError("Golden files are written by whoever changes a contract, never in CI.")


@pytest.fixture(scope="session")
def is_writing(request: pytest.FixtureRequest) -> bool:
    # The default is for runs of the whole suite, which read this file after the command line.
    return bool(request.config.getoption("--golden-write", default=False))
