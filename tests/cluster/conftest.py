"""A user for all tests here, and what its experiment ends in."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from running.cluster import LINEAR_RUN, PATIENCE, User, unprivileged_user


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def someone() -> Iterator[User]:
    """A user without rights."""
    with (
        tempfile.TemporaryDirectory(prefix="anchorprune-cluster-", ignore_cleanup_errors=True) as home,
        unprivileged_user(Path(home)) as user,
    ):
        yield user


@pytest.fixture(scope="session")
def undisturbed(someone) -> Iterator[Callable[[], pd.DataFrame]]:
    """Waits for the same experiment on this machine, without a cluster; as it is, while the others run."""
    project = someone.project("undisturbed", LINEAR_RUN)
    process = project.start(profile=None)

    def end() -> pd.DataFrame:
        assert process.wait(PATIENCE) == 0, project.log.read_text()
        return project.table()

    yield end
    process.kill()
    process.wait()
