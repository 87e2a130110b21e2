"""Whether a training is worth it: what each step weighs, against detectors that were really cut and evaluated."""

import contextlib
import io
import json

import pytest
from backends.trained import train, write_data
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from running.results import names_in


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A trained detector and its data."""
    folder = tmp_path_factory.mktemp("decide")
    write_data(folder / "data", train=60, prune=20, test=1)
    train(folder / "data", folder / "full")
    return folder


@pytest.fixture
def run(made, run_command):
    """Run a command in the folder of `made`; its JSON."""

    def ran(*words):
        done = run_command(*words, cwd=made)
        assert done.status == 0, done.err
        return done.json

    return ran


@pytest.fixture
def cut(made, run):
    """A slice of it, evaluated on the prune split beside the full one."""
    split = ("data/prune.json", "data/images/prune")
    run("predict", "full", *split, "--output", "p.parquet")
    run("layout", "full/head.json", "--drop", "3,4,5", "--output", "layout.json")
    run("slice", "full", "layout.json", "--output", "slice")
    run("evaluate", "full", *split, "--output", "whole")
    return run("evaluate", "slice", *split, "--reference", "whole", "--output", "evaluated")


def pycocotools_ap(annotations, detections):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        done = COCOeval(truth, truth.loadRes(str(detections)), "bbox")
        done.evaluate()
        done.accumulate()
        done.summarize()
    return done.stats[0]


def weigh(run, step="slice", *more):
    """Step `once` with a slice that beats a poorer one."""
    if step == "once":
        more = ("--evaluation", beaten(run, "slice", "poor"), *more)
    return run("decide", step, "p.parquet", "data/prune.json", "layout.json", *more, "--output", f"{step}.json")


def beaten(run, first, second):
    """The folder of an evaluation of `first` against `second`; `poor` has the poorest anchor alone."""
    split = ("data/prune.json", "data/images/prune")
    run("layout", "full/head.json", "--keep", "5", "--output", "poor.json")
    run("slice", "full", "poor.json", "--output", "poor")
    run("evaluate", second, *split, "--output", f"beside-{second}")
    run("evaluate", first, *split, "--reference", f"beside-{second}", "--output", f"{first}-{second}")
    return f"{first}-{second}"


def test_a_slice_is_weighed_as_it_is_when_it_is_cut_and_run(made, cut, run):
    found, change = weigh(run), cut["change"]["figures"]["ap"]
    aps = [pycocotools_ap(made / "data/prune.json", made / f"{n}/detections.json") for n in ("evaluated", "whole")]
    assert [found["ap"], found["ap_reference"]] == pytest.approx(aps, abs=1e-5)
    stated = [change[name] for name in ("change", "low", "high")]
    assert [found[name] for name in ("ap_change", "low", "high")] == pytest.approx(stated, abs=1e-5)
    assert found["low"] < -0.005
    assert (found["step"], found["no_loss"], found["finish"]) == ("slice", 0.005, None)
    assert weigh(run, "once")["finish"] is None


def test_the_lower_end_of_the_interval_decides(cut, run):
    low = weigh(run)["low"]
    for step, finish in (("slice", "none"), ("once", "once")):
        assert weigh(run, step, "--no-loss", str(-low + 1e-9))["finish"] == finish
        assert weigh(run, step, "--no-loss", str(-low))["finish"] is None  # it must lie above


@pytest.mark.parametrize(
    ("low", "corrected", "finish"),
    [(-0.004, True, "none"), (-0.006, True, None), (None, False, None)],
)
def test_what_the_search_corrected_goes_first(made, cut, run, low, corrected, finish):
    """Its interval contains the selection, which the bootstrap does not know of."""
    choice = {"version": 1, "ap": 0.9, "ap_corrected": 0.7, "change": 0.1, "change_low": low, "change_high": 0.2}
    (made / "choice.json").write_text(json.dumps(choice))
    found = weigh(run, "slice", "--choice", "choice.json")
    assert (found["ap"] == 0.7) == corrected
    assert found["finish"] == finish
    if corrected:
        assert (found["ap_change"], found["low"], found["high"]) == (0.1, low, 0.2)
        assert found["ap_reference"] == pytest.approx(0.6)


def change_of(made, evaluation):
    return json.loads((made / evaluation / "metrics.json").read_text())["change"]["figures"]["ap"]


def test_once_counts_only_where_it_is_better_than_the_slice_before(made, cut, run):
    """Even where it loses nothing against the detector that it is cut from."""
    words = ("decide", "once", "p.parquet", "data/prune.json", "layout.json", "--no-loss", "0.9", "--output", "o.json")
    for first, second, finish, best in (("slice", "poor", "once", "once"), ("poor", "slice", None, "none")):
        evaluation = beaten(run, first, second)
        change = change_of(made, evaluation)
        assert (change["low"] > 0) == (best == "once")
        found = run(*words, "--evaluation", evaluation)
        assert (found["finish"], found["best"]) == (finish, best)
        assert found["gain"] == {"ap_change": change["change"], "low": change["low"], "high": change["high"]}
    assert found["low"] > -0.9


@pytest.mark.parametrize("best", ["none", "once"])
def test_a_fine_tuning_must_be_measurably_better(made, cut, run, best):
    """The full detector against a slice of its poorest anchor, in the place of a fine-tuned one; the other way."""
    (made / "earlier.json").write_text(json.dumps({"version": 1, "step": "once", "finish": None, "best": best}))
    for first, second, finish in (("full", "poor", "finetune"), ("poor", "full", best)):
        evaluation = beaten(run, first, second)
        decided = run("decide", "finetune", evaluation, "earlier.json", "--output", "finetune.json")
        change = change_of(made, evaluation)
        assert (change["low"] > 0) == (finish == "finetune")
        assert (decided["finish"], decided["step"], decided["low"]) == (finish, "finetune", change["low"])


def test_as_good_is_not_better(made, cut, run, run_command):
    split = ("data/prune.json", "data/images/prune")
    run("evaluate", "slice", *split, "--reference", "evaluated", "--output", "same")
    (made / "earlier.json").write_text(json.dumps({"version": 1, "step": "once", "finish": None, "best": "once"}))
    assert run("decide", "finetune", "same", "earlier.json", "--output", "finetune.json")["finish"] == "once"
    done = run_command("decide", "finetune", "whole", "earlier.json", "--output", "finetune.json", cwd=made)
    assert done.status == 2
    assert "whole: states no change; evaluate with --reference" in done.error_line


def test_the_detector_is_taken_over_with_the_evidence(made, cut, run, run_command):
    weigh(run, "slice", "--no-loss", "0.9")
    run("decide", "skip", "slice.json", "--step", "once", "--output", "once.json")
    run("decide", "skip", "once.json", "--step", "finetune", "--output", "finetune.json")
    names = ("slice.json", "once.json", "finetune.json")
    (made / "auto").mkdir(exist_ok=True)
    (made / "auto/training.json").write_text("of an earlier decision")
    found = run("decide", "finish", "slice", "layout.json", *names, "--output", "auto")
    assert found == json.loads((made / "auto/decision.json").read_text())
    assert [step["step"] for step in found["steps"]] == ["slice"]
    assert (found["finish"], found["ap"]) == ("none", found["steps"][0]["ap"])
    for name in names_in(made / "slice"):
        assert (made / "auto" / name).read_bytes() == (made / "slice" / name).read_bytes()
    assert set(names_in(made / "auto")) == {*names_in(made / "slice"), "layout.json", "decision.json"}
    record = json.loads((made / "auto/decide-finish.record.json").read_text())
    assert set(record["outputs"]) == set(names_in(made / "auto"))

    choice = {"version": 1, "kept": [0], "ap": 0.9, "ap_corrected": 0.7}
    (made / "choice.json").write_text(json.dumps(choice))
    weigh(run, "slice")
    weigh(run, "once", "--no-loss", "0.9")
    words = ("decide", "finish", "slice", "layout.json", "slice.json", "once.json")
    found = run(*words, "--choice", "choice.json", "--output", "auto")
    assert {**found, **choice} == found
    assert [step["finish"] for step in found["steps"]] == [None, "once"]
    for undecided in (words[:-1], ("decide", "skip", "slice.json", "--step", "once")):
        done = run_command(*undecided, "--output", "other", cwd=made)
        assert "slice.json: decides nothing; give the next step's evidence" in done.error_line
