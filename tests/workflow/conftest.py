"""A folder with the project's pipeline."""

import pytest
import yaml
from running.pipeline import SMALLEST, link_project


@pytest.fixture
def project(tmp_path):
    """The pipeline in a folder of its own, with the smallest configuration as mine.yaml."""
    link_project(tmp_path)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(SMALLEST))
    return tmp_path
