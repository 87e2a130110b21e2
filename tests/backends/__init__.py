"""Backends of the tests, put where Python finds them and their entry points, as if they were installed."""

import os
import sys
from pathlib import Path

LINEAR = Path(__file__).parent / "linear"

sys.path.append(str(LINEAR))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(LINEAR)]))
