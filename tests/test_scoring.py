import dataclasses
import itertools
import json
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.generate import HEAD, make, postprocesses, write
from oracles.reference import pycocotools_figures, reference_detections, results

from anchorprune.heads.predictions import Postprocess, Predictions
from anchorprune.scoring import Scorer
from anchorprune.scoring.prepare import prepare
from anchorprune.scoring.threads import Threads

DATA = Path(__file__).parents[1] / "../shared/data"
subsets = st.sets(st.integers(0, HEAD.num_anchors - 1), min_size=1)
many = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


# A scorer reads its file again for detections, so files stay until the tests end.
FILES = tempfile.TemporaryDirectory()


def open_scorer(annotations, candidates, post, threads=None):
    folder = tempfile.mkdtemp(dir=FILES.name)
    return Scorer(write(Path(folder) / "p.parquet", candidates, post), annotations, threads)


def assert_equals_reference(scorer, annotations, candidates, post, kept):
    rows = reference_detections(candidates, post, kept, HEAD)
    found = scorer.detections(kept)
    for name in ("image_id", "category_id", "anchor", "score", "boxes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(candidates, name)[rows], err_msg=name)
    listed = results(candidates.image_id[rows], candidates.category_id[rows], candidates.score[rows], found.boxes)
    expected = pycocotools_figures(annotations, listed)
    np.testing.assert_allclose(dataclasses.astuple(scorer.score(kept)), expected, rtol=0, atol=1e-9)


@many
@given(seed=st.integers(0, 2**32), post=postprocesses, kept=subsets)
def test_detections_and_figures_equal_mmcv_and_pycocotools(seed, post, kept):
    annotations, candidates = make(seed)
    assert_equals_reference(open_scorer(annotations, candidates, post), annotations, candidates, post, kept)


@many
@given(seed=st.integers(0, 2**32), post=postprocesses, path=st.lists(subsets, min_size=2, max_size=8))
def test_results_do_not_depend_on_history_or_threads(seed, post, path):
    annotations, candidates = make(seed, images=8)
    scorer = open_scorer(annotations, candidates, post, threads=2)
    for parent, child in itertools.pairwise(path):
        (fast,) = scorer.children(parent, [child])
        fresh = open_scorer(annotations, candidates, post, threads=1)
        assert fast == fresh.ap(child)
        assert scorer.score(parent) == open_scorer(annotations, candidates, post, threads=3).score(parent)
        scorer.move_to(child)
        assert scorer.ap(child) == fast
        for left, right in zip(
            dataclasses.astuple(scorer.detections(child)), dataclasses.astuple(fresh.detections(child)), strict=True
        ):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    "post",
    [
        Postprocess(0.0, 0.5, 10, 20, 0),
        Postprocess(0.0, 0.5, None, 20, 0, True),
        Postprocess(0.0, 0.5, 6, 20, 0, nms_pre_per="class"),
    ],
)
@pytest.mark.parametrize("length", [1, 1 << 22])
def test_all_children_at_once_score_as_one_by_one(post, length, monkeypatch):
    monkeypatch.setattr("anchorprune.scoring.curves.LOG_LENGTH", length)  # 1: a log holds but one block of images
    monkeypatch.setattr("anchorprune.scoring.scorer.TOGETHER", 7)
    annotations, candidates = make(3, images=70)
    everything = [k for size in range(1, 6) for k in itertools.combinations(range(5), size)]
    fresh = open_scorer(annotations, candidates, post, threads=1)
    expected = [fresh.ap(kept) for kept in everything]
    scorer = open_scorer(annotations, candidates, post, threads=2)
    for parent in (range(5), (0, 3), (1, 2, 4)):
        np.testing.assert_array_equal(scorer.children(parent, everything), expected)
        assert scorer.ap(parent) == fresh.ap(parent)


@pytest.mark.parametrize("per", ["level", "class"])
@pytest.mark.parametrize("limit", [1, 64, 150])
def test_nms_pre_binds_in_pools_of_many_words(limit, per):
    """Of 200 to 350 candidates of a level or class; min_size 4 takes some that count among the best all the same."""
    annotations, candidates = make(6, images=2, boxes=900, size=300, levels_of_score=40, jitter=40, categories=2)
    post = Postprocess(0.0, 0.6, limit, 200, 4, nms_pre_per=per)
    scorer = open_scorer(annotations, candidates, post, threads=2)
    assert np.diff(scorer.pools.word).max() >= 3
    path = [(0, 1, 2, 3, 4), (1, 2, 3), (0, 2, 3), (2,), (0, 1, 2, 4), (0, 4)]
    for parent, child in itertools.pairwise(path):
        (found,) = scorer.children(parent, [child])
        scorer.move_to(child)
        assert scorer.ap(child) == found
        assert_equals_reference(scorer, annotations, candidates, post, child)


@pytest.mark.parametrize("post", [Postprocess(0.0, 0.9, None, 250, -1), Postprocess(0.0, 0.9, 60, -1, 0, True)])
def test_more_than_a_hundred_detections_of_a_category(post):
    annotations, candidates = make(5, images=3, boxes=600, size=300, levels_of_score=5000, jitter=40, categories=2)
    scorer = open_scorer(annotations, candidates, post)
    for kept in [range(5), (0, 2), (1, 2, 3)]:
        assert_equals_reference(scorer, annotations, candidates, post, kept)
    for anchor in range(5):
        kept = [i for i in range(5) if i != anchor]
        assert scorer.children(range(5), [kept])[0] == open_scorer(annotations, candidates, post).ap(kept)


@pytest.mark.parametrize(("boxes", "agnostic"), [(400, False), (400, True), (3000, False)])
def test_components_of_more_than_a_word(boxes, agnostic):
    """Many boxes that hang together by their overlaps: words of bits, and beyond them lists."""
    post = Postprocess(0.0, 0.3, None, 200, -1, agnostic)
    annotations, candidates = make(2, images=2, objects=2, boxes=boxes, levels_of_score=5000, categories=1)
    scorer = open_scorer(annotations, candidates, post, threads=2)
    assert scorer.words.span.max() > 1
    assert (len(scorer.words.giants) > 0) == (boxes > 1024)
    for kept in [range(5), (1, 3)]:
        assert_equals_reference(scorer, annotations, candidates, post, kept)
    expected = [open_scorer(annotations, candidates, post).ap(kept) for kept in [(0, 1, 2, 4), (1, 2, 3)]]
    np.testing.assert_array_equal(scorer.children(range(5), [(0, 1, 2, 4), (1, 2, 3)]), expected)
    scorer.move_to((0, 1, 2, 4))
    np.testing.assert_array_equal(scorer.children((1, 2, 3), [(0, 1, 2, 4), (1, 2, 3)]), expected)


def test_no_ground_truth_gives_minus_one_as_pycocotools():
    annotations, candidates = make(1, objects=0)
    score = open_scorer(annotations, candidates, Postprocess(0.0, 0.5)).score(range(5))
    assert dataclasses.astuple(score) == (-1,) * 6


def test_preparing_holds_little_beside_its_tables(monkeypatch):
    """31 bytes of a candidate, from which words are packed; the boxes of all would be 16 more, all rows 34."""
    monkeypatch.setattr("anchorprune.scoring.sorted_parts.ROWS", 500)
    monkeypatch.setattr("anchorprune.scoring.growing.ROOM", 1.0)
    annotations, candidates = make(7, images=150, boxes=300, size=300)
    post = Postprocess(0.0, 0.5, 100, 200, 0)
    opened = open_scorer(annotations, candidates, post, threads=1).candidates.predictions  # compiled now
    tracemalloc.start()
    try:
        tables, words, *_ = prepare(opened, annotations, Threads(1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    held = sum(array.nbytes for array in {id(a): a for a in (*tables, *words) if isinstance(a, np.ndarray)}.values())
    assert len(tables.anchor) > 40 * 500
    assert (peak - held) / len(tables.anchor) < 36


@pytest.mark.parametrize("rows", [4, 40, 10**6])
def test_parts_of_a_file_are_one_file(rows, monkeypatch):
    annotations, candidates = make(9, images=30)
    post = Postprocess(0.3, 0.5, 10, 20, 0)
    whole = open_scorer(annotations, candidates, post, threads=1)
    monkeypatch.setattr("anchorprune.scoring.sorted_parts.ROWS", rows)
    parted = open_scorer(annotations, candidates, post, threads=3)
    for name, of_whole, of_parts in zip(whole.tables._fields, whole.tables, parted.tables, strict=True):
        np.testing.assert_array_equal(of_whole, of_parts, err_msg=name)
    assert_equals_reference(parted, annotations, candidates, post, (0, 2, 3))


@pytest.fixture(scope="module")
def real():
    path = DATA / "predictions/yolov5n_coco_val206.parquet"
    if not path.exists():
        pytest.skip(f"{path} is missing; the real predictions are checked only where it is")
    from anchorprune.datasets.coco import read_coco

    predictions = Predictions.open(path)
    annotations = read_coco(DATA / "coco2017_subset/annotations/instances_val2017.json")
    return predictions, annotations, Scorer(predictions, annotations)


@pytest.mark.parametrize(("kept", "known"), [(range(9), 0.305), ((1, 4, 7), 0.306), (range(6), 0.224)])
def test_real_predictions_give_the_known_figures(real, kept, known):
    assert real[2].ap(kept) == pytest.approx(known, abs=5e-4)


@pytest.mark.parametrize("kept", [range(9), (1, 4, 7), (0, 2, 8)])
def test_real_predictions_equal_pycocotools_on_the_same_boxes(real, kept):
    _, annotations, scorer = real
    found = scorer.detections(kept)
    listed = results(found.image_id, found.category_id, found.score, found.boxes)
    expected = pycocotools_figures(annotations, listed)
    np.testing.assert_allclose(dataclasses.astuple(scorer.score(kept)), expected, rtol=0, atol=1e-9)


def test_real_predictions_keep_the_boxes_mmcv_keeps(real):
    predictions, annotations, scorer = real
    candidates = predictions.load()
    rows = reference_detections(candidates, predictions.postprocess, range(9), predictions.head)
    listed = results(
        candidates.image_id[rows], candidates.category_id[rows], candidates.score[rows], candidates.boxes[rows]
    )
    # mmcv shifts boxes by a class offset in float32, whose rounding moves about one kept box in a thousand.
    assert len(rows) == pytest.approx(len(scorer.detections(range(9)).score), rel=2e-3)
    assert pycocotools_figures(annotations, listed)[0] == pytest.approx(scorer.ap(range(9)), abs=1e-4)


def test_score_command(real, capsys):
    from anchorprune.cli import main

    annotations = DATA / "coco2017_subset/annotations/instances_val2017.json"
    assert main(["score", str(real[0].path), str(annotations), "--keep", "1,4,7"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["ap"] == real[2].ap((1, 4, 7))
    assert printed["anchors"] == 3
