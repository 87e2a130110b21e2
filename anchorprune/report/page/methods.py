"""A paragraph on what was done, to paste into a paper: made of what the manifest's files say, and no more."""

from dataclasses import dataclass

from anchorprune import __version__
from anchorprune.heads.cost import COSTS
from anchorprune.heads.head import Head
from anchorprune.heads.layout import FIXED
from anchorprune.report.data.manifest import CONTROLS, Entry, is_pruned, is_retrained
from anchorprune.report.data.metrics import measured, training_text
from anchorprune.report.data.search_results import choice_facts, read_evaluated
from anchorprune.report.data.section import Section

SOURCES = {
    "pruning": 'M. Bonnaerens, M. Freiberger, J. Dambre, "Anchor pruning for object detection", Computer Vision and '
    "Image Understanding 221 (2022) 103445",
    "coco": 'T.-Y. Lin et al., "Microsoft COCO: Common objects in context", ECCV 2014',
    "voc": 'M. Everingham et al., "The PASCAL Visual Object Classes (VOC) challenge", IJCV 88 (2010)',
    "bootstrap": 'B. Efron, R. J. Tibshirani, "An introduction to the bootstrap", Chapman & Hall, 1993',
    "seeds": 'A. C. Davison, D. V. Hinkley, "Bootstrap methods and their application", Cambridge University Press, '
    "1997, section 3.8",
    "one-se": 'L. Breiman et al., "Classification and regression trees", Wadsworth, 1984, section 3.4.3',
}
CHOSEN = {  # what selection.json calls a rule -> the rule
    "best": "the subset of the highest AP within it was taken",
    "one-se": "of the subsets within one standard error of the best, the one with the most anchors was taken {one-se}",
    "closest": "the subset of the highest AP among those that cost at least 0.9 of it was taken",
}
FINISHED = {  # a manifest's `retrain` -> what became of the pruned detectors
    "none": "were not trained again",
    "once": "were not trained again: the full detector had been fine-tuned with anchor dropout before the search",
    "once-plain": "were not trained again: the full detector had been fine-tuned before the search",
    "finetune": "were fine-tuned, each by itself, from the weights that they were cut out with",
    "scratch": "were trained from scratch, each by itself",
    "auto": "were trained again only where a decision on the prune split asked for it",
}


@dataclass(frozen=True)
class Methods:
    """The paragraph, with numbers for its sources in brackets, and the sources in that order."""

    text: str
    sources: list[str]


def methods(section: Section) -> Methods:
    """The paragraph of an experiment."""
    sentences = [_setting(section), *_searches(section), *_fixed(section), *_finished(section), _measured(section)]
    text, used = " ".join(sentences), []
    for key in sorted(SOURCES, key=lambda key: text.find(f"{{{key}}}")):
        if f"{{{key}}}" in text:
            used.append(SOURCES[key])
            text = text.replace(f"{{{key}}}", f"[{len(used)}]")
    return Methods(text, used)


def _setting(section: Section) -> str:
    entry, row = section.entries[0], section.table.iloc[0]
    heads = {e["anchor_set"]: Head.load(e["files"]["head"]) for e in section.entries}
    anchors = _listed([f"{head.num_anchors} in the set {name}" for name, head in heads.items()])
    counts = [(name, row[f"images_{name}"]) for name in ("train", "prune", "test")]
    images = _listed([f"{count:,.0f} in the {name} split" for name, count in counts if count == count and count])
    return (
        f"The anchors of {entry['detector']} ({anchors}) were pruned {{pruning}}, on {entry['dataset']}"
        + (f" (images: {images})" if images else "")
        + (f", for {len(section.seeds)} trainings with different seeds." if len(section.seeds) > 1 else ".")
    )


def _searches(section: Section) -> list[str]:
    found = []
    for search in section.searches:
        mine = section.where(lambda entry, search=search: entry["method"] == search and is_pruned(entry))
        files = dict.fromkeys(e["files"]["evaluated"] for e in mine.entries if "evaluated" in e["files"])
        counts = [len(read_evaluated(name)) for name in files]
        scored = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
        budgets = _listed([f"{budget:g}" for budget in dict.fromkeys(e["budget"] for e in mine.entries)])
        facts = choice_facts(mine.entries[0]["files"])
        rule = CHOSEN.get(facts.get("choice", ""), "a subset within it was taken")
        found.append(
            f"The search {search} scored {scored} subsets of the anchors by the AP of the full detector's candidate "
            f"boxes on the prune split, trading it against {COSTS[mine.entries[0]['cost']].label}; for each budget "
            f"({budgets} of the full head's cost), {rule}."
        )
    return found


def _fixed(section: Section) -> list[str]:
    labels = dict.fromkeys(e["label"] for e in section.entries if e["method"] == FIXED and is_pruned(e))
    said = [f"Layouts fixed beforehand: {_listed(list(labels))}."] if labels else []
    controls = dict.fromkeys(e["control"] for e in section.entries if e["control"])
    if controls:
        said.append(f"Controls that keep as much: {_listed([CONTROLS[name] for name in controls])}.")
    return said


def _finished(section: Section) -> list[str]:
    pruned = [entry for entry in section.entries if is_pruned(entry)]
    if not pruned:
        return []
    full = [entry for entry in section.entries if not entry["method"]]
    way = FINISHED.get(pruned[0]["retrain"], "were trained again" if is_retrained(pruned[0]) else FINISHED["none"])
    said = [f"The channels of the anchors removed were cut out of the detector; the pruned detectors {way}."]
    trained = _trained(pruned)
    if trained:
        base = training_text(measured(full[0]).unpruned) if full else ""
        said.append(f"Trained for: {base + ' (unpruned, as searched or cut); ' if base else ''}{trained} (pruned).")
    return said


def _trained(entries: list[Entry]) -> str:
    texts = dict.fromkeys(training_text(measured(entry).finished) for entry in entries)
    return _listed([text for text in texts if text])


def _measured(section: Section) -> str:
    found = [measured(entry).finished for entry in section.entries]
    known = [metrics for metrics in found if metrics]
    if not known:
        return "Nothing has been measured yet."
    programs = dict.fromkeys(" ".join(m["evaluator"].values()) for m in known if "evaluator" in m)
    resamples = dict.fromkeys(m["change"]["resamples"] for m in known if "resamples" in m.get("change", {}))
    commits = dict.fromkeys(m.get("provenance", {}).get("commit") or "unknown" for m in known)
    voc = any("voc_map" in m for m in known)
    sentence = "AP is COCO's, over IoU 0.50 to 0.95 {coco}" + (", and VOC mAP that of PASCAL VOC {voc}" if voc else "")
    sentence += f" ({_listed(list(programs))})" if programs else ""
    sentence += ", on the test split, which the search does not see. "
    if resamples:
        sentence += (
            "Changes of AP are against the unpruned detector that was trained as long, with the 95% percentile "
            f"interval of a paired bootstrap over the test images ({_listed([f'{n:,}' for n in resamples])} resamples) "
            "{bootstrap}" + (", and over the seeds {seeds}. " if len(section.seeds) > 1 else ". ")
        )
    versions = dict.fromkeys(m.get("provenance", {}).get("anchorprune") or __version__ for m in known)
    return sentence + f"Software: anchorprune {_listed(list(versions))} (commit {_listed(list(commits))})."


def _listed(words: list[str]) -> str:
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)
