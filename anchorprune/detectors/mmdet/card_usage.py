"""What a model card says of running a detector of mmdet."""

USAGE = """\
Python with `anchorprune[detectors]` installed, in this folder:

```python
from mmdet.apis import DetInferencer

DetInferencer("config.py", "weights.pth")("photo.jpg", out_dir="out")
```

The figures above again, by mmdet's own test loop (set the paths in `config.py` where the data lies elsewhere):

```python
from mmengine.config import Config
from mmengine.runner import Runner

Runner.from_cfg(Config.fromfile("config.py")).test()
```"""
