"""What torch detects, for ONNX Runtime's detections to be compared with."""

import numpy as np
import torch
from mmdet.structures import DetDataSample

FACTS = {"anchorprune": "test", "commit": None}


def assert_same(found, expected):
    """Detections (boxes, scores, labels) match one to one within 0.01 px and 1e-4, but for ties at the last place."""
    assert len(found[1]) == len(expected[1]) > 0
    np.testing.assert_allclose(found[1], expected[1], atol=1e-4)
    left = set(range(len(found[1])))
    for box, score, label in zip(*expected, strict=True):
        near = [i for i in left if found[2][i] == label and abs(found[1][i] - score) < 1e-4]
        near = [i for i in near if np.abs(found[0][i] - box).max() < 0.01]
        assert near or score < expected[1][-1] + 1e-4, (box, score, label)
        left -= set(near[:1])
    assert all(found[1][i] < expected[1][-1] + 1e-4 for i in left)


def assert_batch_same(dets, labels, expected):
    """A model's padded outputs, image by image, match what mmdet found there, and are zeros behind it."""
    for i, found in enumerate(expected):
        count = int((labels[i] >= 0).sum())
        assert_same(
            (dets[i, :count, :4], dets[i, :count, 4], labels[i, :count]),
            (found.bboxes.numpy(), found.scores.numpy(), found.labels.numpy()),
        )
        assert (dets[i, count:] == 0).all()


def inputs(detector, prepared):
    """The network's inputs as mmdet's own preprocessor makes them of BGR images, and what it says of the images."""
    images = [torch.from_numpy(p.pixels[0, ::-1].copy()) for p in prepared]
    batch = detector.model.data_preprocessor(
        {"inputs": images, "data_samples": [DetDataSample() for _ in images]}, False
    )
    width, height = detector.head.input_size
    metas = [{"img_shape": (height, width), "scale_factor": (1.0, 1.0)}] * len(images)
    return batch["inputs"], metas
