"""A small network of YOLOv5's form in torch, its ONNX exports, and data on which its AP is not nought.

Everything here is torch's and NumPy's own: nothing is taken from the project.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import PIL.Image
import torch
from torch import nn

CLASSES = ("ape", "bee", "cat")
IDS = (3, 5, 9)  # of the data set
SIZE = (128, 96)  # W, H of the input
STRIDES = (8, 16, 32)
ANCHORS = (((9, 12), (15, 8), (20, 24)), ((28, 20), (30, 45), (50, 30)), ((60, 50), (45, 80), (100, 70)))
WIDTH = 5 + len(CLASSES)
SIZES = ((150, 120), (96, 128), (200, 80), (64, 48))


class Yolo(nn.Module):
    """Three levels out of a pyramid of plain convolutions, each with its head.

    Attributes:
        form: `fused` (the grid holds the -0.5), `plain`, `split` (torch.split and constants multiplied out), `indexed`
            (column by column), `fractions` (boxes in sizes of the input), `raw`, `activated` and `channels` (nothing is
            decoded), or `both`.
        scaled: the head's outputs are multiplied by learnt numbers, and its inputs have some added, as in YOLOv7.
    """

    def __init__(self, form="fused", scaled=False, anchors=ANCHORS, computed=False):
        super().__init__()
        torch.manual_seed(3)
        self.form, self.scaled, self.computed = form, scaled, computed
        layer = lambda i, o, s, k=3: nn.Sequential(nn.Conv2d(i, o, k, s, k // 2), nn.SiLU())  # noqa: E731
        self.stem = nn.Sequential(layer(3, 8, 2), layer(8, 12, 2), layer(12, 16, 2))
        self.down = nn.ModuleList([layer(16, 20, 2), layer(20, 24, 2)])
        self.own = nn.ModuleList([nn.Identity(), nn.Identity(), layer(24, 28, 1)])
        self.counts = [len(level) for level in anchors]
        self.heads = nn.ModuleList(nn.Conv2d(c, n * WIDTH, 1) for c, n in zip((16, 20, 28), self.counts, strict=True))
        for i, (anchor, stride) in enumerate(zip(anchors, STRIDES, strict=True)):
            ny, nx = SIZE[1] // stride, SIZE[0] // stride
            y, x = torch.meshgrid(torch.arange(ny), torch.arange(nx), indexing="ij")
            self.register_buffer(f"grid{i}", torch.stack([x, y], -1)[None, None].float())
            self.register_buffer(
                f"anchor{i}", torch.tensor(anchor)[None, :, None, None].repeat(1, 1, ny, nx, 1).float()
            )
            self.register_parameter(f"mul{i}", nn.Parameter(1 + 0.1 * torch.randn(1, self.counts[i] * WIDTH, 1, 1)))
            self.register_parameter(f"add{i}", nn.Parameter(0.1 * torch.randn(1, (16, 20, 28)[i], 1, 1)))

    def features(self, images):
        found = [self.stem(images)]
        for down in self.down:
            found.append(down(found[-1]))
        return [own(f) for own, f in zip(self.own, found, strict=True)]

    def raw(self, images):
        for i, (feature, head) in enumerate(zip(self.features(images), self.heads, strict=True)):
            if self.scaled:
                yield head(feature + getattr(self, f"add{i}")) * getattr(self, f"mul{i}")
            else:
                yield head(feature)

    def forward(self, images):
        rows, raw = [], []
        for i, value in enumerate(self.raw(images)):
            if self.form == "channels":
                rows.append(value)
                continue
            batch, _, ny, nx = value.shape
            value = value.view(batch, self.counts[i], WIDTH, ny, nx).permute(0, 1, 3, 4, 2).contiguous()
            value = value.sigmoid() if self.form == "activated" else value
            raw.append(value)
            rows.append(value if self.form in ("raw", "activated") else self.decode(i, value, batch, ny, nx))
        if self.form in ("raw", "activated", "channels"):
            return tuple(rows)
        return (torch.cat(rows, 1), *raw) if self.form == "both" else torch.cat(rows, 1)

    def decode(self, i, value, batch, ny, nx):
        s, grid, anchor, stride = value.sigmoid(), getattr(self, f"grid{i}"), getattr(self, f"anchor{i}"), STRIDES[i]
        if self.computed:  # the grid from the size of the feature map
            y, x = torch.meshgrid(torch.arange(ny), torch.arange(nx), indexing="ij")
            grid = torch.stack([x, y], -1).expand(1, self.counts[i], ny, nx, 2).float()
            anchor = anchor[:, :, :1, :1].expand(1, self.counts[i], ny, nx, 2)
        if self.form == "plain":
            xy, wh = (s[..., 0:2] * 2.0 - 0.5 + grid) * stride, (s[..., 2:4] * 2) ** 2 * anchor
            value = torch.cat([xy, wh, s[..., 4:]], -1)
        elif self.form == "indexed":
            x, y = ((s[..., k] * 2 - 0.5 + grid[..., k]) * stride for k in (0, 1))
            w, h = ((s[..., k] * 2) ** 2 * anchor[..., k - 2] for k in (2, 3))
            value = torch.cat([torch.stack([x, y, w, h], -1), s[..., 4:]], -1) @ torch.eye(WIDTH)
            return value.unsqueeze(0).flatten(2, 4).squeeze(0)
        elif self.form == "split":
            xy, wh, rest = s.split((2, 2, WIDTH - 4), 4)
            xy, wh = xy * (2.0 * stride) + stride * (grid - 0.5), wh**2 * (4 * anchor)
            value = torch.cat([xy, wh, rest], 4)
        else:
            xy, wh, rest = s.split((2, 2, WIDTH - 4), 4)
            value = torch.cat([(xy * 2 + (grid - 0.5)) * stride, (wh * 2) ** 2 * anchor, rest], 4)
            if self.form == "fractions":
                value = value / torch.tensor([*SIZE, *SIZE, *[1] * (WIDTH - 4)])
        return value.view(batch, self.counts[i] * ny * nx, WIDTH)


@torch.no_grad()
def network(**form):
    """A network whose scores and boxes differ much from cell to cell."""
    model = Yolo(**form).eval()
    images = nn.functional.interpolate(torch.rand(2, 3, 12, 16), size=SIZE[::-1], mode="bicubic").clamp(0, 1)
    for layer in [m for m in model.modules() if isinstance(m, nn.Conv2d) and m not in list(model.heads)]:
        layer.weight.mul_(2.2)
    for head, feature in zip(model.heads, model.features(images), strict=True):
        head.weight.mul_(1.5 / head(feature).std())
        head.bias.normal_(std=0.5)
        head.bias.view(-1, WIDTH)[:, 4] -= 1.0
    return model


def export(model, path, opset=13, dynamo=False, batch=False, names=None):
    """Write a network as ONNX, as its exporter does."""
    count = {"raw": 3, "activated": 3, "channels": 3, "both": 4}.get(model.form, 1)
    outputs = [f"output{i}" for i in range(count)]
    extra = {"dynamic_axes": {"images": {0: "batch"}, **{o: {0: "batch"} for o in outputs}}} if batch else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.zeros(1, 3, *SIZE[::-1]),), str(path), input_names=["images"], output_names=outputs,
            opset_version=opset, dynamo=dynamo, **extra, **({"verbose": False} if dynamo else {}),
        )  # fmt: skip
    if names:
        written = onnx.load(path)
        onnx.helper.set_model_props(written, {"names": str(dict(enumerate(names)))})
        onnx.save(written, path)
    return Path(path)


def fitted(path):
    """An image file in the network's input, with grey around it: (1, 3, H, W), its scale and its corner."""
    with PIL.Image.open(path) as picture:
        image = np.array(picture.convert("RGB"))
    import cv2

    height, width = image.shape[:2]
    factor = min(SIZE[0] / width, SIZE[1] / height)
    inner = (min(SIZE[0], round(width * factor)), min(SIZE[1], round(height * factor)))
    left, top = (SIZE[0] - inner[0]) // 2, (SIZE[1] - inner[1]) // 2
    canvas = np.full((*SIZE[::-1], 3), 114, np.float32)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(canvas / 255).permute(2, 0, 1)[None], (inner[0] / width, inner[1] / height), (left, top)


def decoded(model):
    """The network that decodes and gives boxes alone, with the same weights."""
    other = Yolo("fused", model.scaled).eval()
    other.load_state_dict(model.state_dict())
    return other


@torch.no_grad()
def boxes_on(model, path):
    """Rows of a network on a file: anchor (n,), boxes (n, 4) x1 y1 x2 y2 in its pixels, scores (n, classes)."""
    image, scale, corner = fitted(path)
    rows = model(image)[0].double()
    cells = [SIZE[0] * SIZE[1] // stride**2 for stride in STRIDES]
    anchor = np.repeat(np.arange(sum(model.counts)), np.repeat(cells, model.counts))
    centre, half = rows[:, :2], rows[:, 2:4] / 2
    boxes = (torch.cat([centre - half, centre + half], 1) - torch.tensor([*corner] * 2)) / torch.tensor([*scale] * 2)
    with PIL.Image.open(path) as picture:
        boxes = boxes.clamp(min=0).minimum(torch.tensor([*picture.size] * 2))
    return anchor, boxes.numpy(), (rows[:, 4:5] * rows[:, 5:]).numpy()


def write_data(model, folder: Path):
    """Images of noise, and annotations that are some of the network's own boxes, shifted a little."""
    rng, records, boxes = np.random.default_rng(0), [], []
    (folder / "images").mkdir(parents=True)
    for number, (width, height) in enumerate(SIZES, 1):
        coarse = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        image = PIL.Image.fromarray(coarse).resize((width, height), PIL.Image.Resampling.BICUBIC)
        image.save(folder / f"images/{number}.png")
        records.append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
        anchor, found, scores = boxes_on(model, folder / f"images/{number}.png")
        for one in range(sum(model.counts)):
            mine = np.flatnonzero(anchor == one)
            row = mine[scores[mine].max(1).argmax()]
            x1, y1, x2, y2 = (found[row] + rng.uniform(-2, 2, 4)).tolist()
            if x2 - x1 > 2 and y2 - y1 > 2:
                box = [x1, y1, x2 - x1, y2 - y1]
                label = int(scores[row].argmax())
                boxes.append({"id": len(boxes) + 1, "image_id": number, "category_id": IDS[label], "bbox": box})
                boxes[-1] |= {"area": box[2] * box[3], "iscrowd": 0}
    categories = [{"id": i, "name": name} for i, name in zip(IDS, CLASSES, strict=True)]
    truth = {"images": records, "annotations": boxes, "categories": categories}
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder / "truth.json"
