"""The example in docs/own-predictions.md: what it writes is a predictions file, and its commands work."""

import json
import re
import shlex
import subprocess
import sys

import pandas as pd
from running.command import ROOT

PAGE = (ROOT / "docs/own-predictions.md").read_text()


def annotations():
    boxes = [(1, [10, 10, 24, 24]), (1, [60, 50, 60, 68]), (2, [40, 40, 22, 26])]
    return {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 128, "height": 128} for i in (1, 2)],
        "categories": [{"id": 7, "name": "thing"}],
        "annotations": [
            {"id": i, "image_id": image, "category_id": 7, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for i, (image, box) in enumerate(boxes, 1)
        ],
    }


def test_the_example_and_its_commands(tmp_path, run_command):
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    without = "import sys\nfor name in ('torch', 'mmdet', 'anchorprune'): sys.modules[name] = None\n"
    subprocess.run([sys.executable, "-c", without + program], cwd=tmp_path, check=True)
    (tmp_path / "annotations.json").write_text(json.dumps(annotations()))
    commands = re.findall(r"^    anchorprune (.*)$", PAGE, re.MULTILINE)
    done = [run_command(*shlex.split(command), cwd=tmp_path) for command in commands]
    assert [one.status for one in done] == [0, 0, 0], [one.err for one in done]
    assert done[0].json["ap"] == done[2].json["first"]["ap"] == 1.0  # anchor 1 only doubles anchor 0
    assert done[0].json["boxes"] == 8 * 8 + 4 * 4
    front = pd.read_csv(tmp_path / "searched/front.csv", dtype={"kept": str})
    assert "0 2" in list(front["kept"])
    assert json.loads((tmp_path / "searched/layout-0.7.json").read_text())["kept"] == [0, 2]
