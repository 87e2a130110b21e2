"""A Slurm and a user, for all tests here."""

import tempfile
from pathlib import Path

import pytest
from running.cluster import User, one_node, unprivileged_user


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def user() -> User:
    """A user without rights, on a Slurm of one node."""
    with (
        tempfile.TemporaryDirectory(prefix="anchorprune-cluster-", ignore_cleanup_errors=True) as home,
        one_node(),
        unprivileged_user(Path(home)) as user,
    ):
        yield user
