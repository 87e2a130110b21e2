import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.generate import make, write
from oracles.reference import coco_dict, pycocotools_figures
from oracles.resamples import resampled

from anchorprune.heads.predictions import Postprocess
from anchorprune.scoring import Bootstrap, Scorer

POST = Postprocess(0.0, 0.5, None, 100, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), kept=st.sets(st.integers(0, 4), min_size=1))
def test_a_resample_scores_as_pycocotools_scores_its_images(tmp_path_factory, seed, kept):
    # Scores without ties: the order of tied candidates of an image that is drawn twice is anyone's choice.
    annotations, candidates = make(seed, images=7, levels_of_score=10**6)
    annotations = dataclasses.replace(annotations, ids=annotations.ids + 1)
    scorer = Scorer(write(tmp_path_factory.mktemp("p") / "p.parquet", candidates, POST), annotations)
    bootstrap = Bootstrap(scorer, 18, seed)
    found, aps = scorer.detections(kept), bootstrap.aps(kept)
    for times, ap in list(zip(bootstrap.times, aps, strict=True))[::6]:
        assert times.sum() == 7
        again, listed = resampled(annotations, found, times)
        assert coco_dict(again)["images"]
        assert ap == pytest.approx(pycocotools_figures(again, listed)[0], abs=1e-9)


def test_same_on_any_number_of_threads_and_paired(tmp_path):
    annotations, candidates = make(5, images=40)
    predictions = write(tmp_path / "p.parquet", candidates, POST)
    one, three = (Bootstrap(Scorer(predictions, annotations, n), 50) for n in (1, 3))
    np.testing.assert_array_equal(one.aps([0, 1]), three.aps([0, 1]))
    same = one.difference([0, 1], [0, 1])
    assert (same.ap, same.low, same.high) == (0, 0, 0)
    difference = one.difference([0], range(5))
    assert difference.low <= difference.ap <= difference.high
