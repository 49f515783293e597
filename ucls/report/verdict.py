"""What a report says of a run first, in words."""

from collections.abc import Sequence

from ucls.backbones.names import UNTRAINED
from ucls.report.cleaning import CleaningList
from ucls.report.state import RunState
from ucls.report.suggestions import Suggestions
from ucls.wording import count

SURE = ((0.95, "very sure"), (0.85, "sure"), (0.7, "fairly sure"), (0.0, "unsure"))
"""Words for a mean confidence from so much on."""

MOST = 5
"""Clusters or pairs that a sentence names."""

Sentence = list[str | int]
"""Texts, and the numbers of clusters between them."""


def verdict(state: RunState, found: Suggestions, cleaning: CleaningList) -> list[Sentence]:
    """How many images in how many clusters, how sure, and what to look at first."""
    sentences = [*_state(state), *_clusters(found)]
    images = [
        f"{count(cleaning.n_misfits, 'image')} unlike all others" * bool(cleaning.n_misfits),
        f"{count(cleaning.n_duplicates, 'pair')} of near-duplicates" * bool(cleaning.n_duplicates),
        f"{count(cleaning.n_unreadable, 'file')} that could not be read"
        * bool(cleaning.n_unreadable),
    ]
    if any(images):
        sentences.append([f"For cleaning: {', '.join(filter(None, images))}."])
    first = dict.fromkeys([*found.like_two, *(pair[0] for pair in found.like_one), *found.mixed])
    if first:
        sentences.append(["Look at these first: ", *_listed(list(first)[:3]), "."])
    return sentences


def _state(state: RunState) -> list[Sentence]:
    labels, sizes = state.labels, state.labels.sizes()
    text = f"{count(len(labels), 'image')} in {count(len(sizes), 'cluster')}"
    if sizes:
        least, most = min(sizes.values()), max(sizes.values())
        text += f" of {least:,} to {most:,}" if least < most else f" of {most:,} each"
    n_empty = state.run.n_clusters - len(sizes)
    if n_empty > 0 and not labels.is_corrected:
        text += f"; {n_empty} of the {state.run.n_clusters} wanted are empty"
    if labels.n_outliers:
        text += f"; {count(labels.n_outliers, 'outlier')} in none"
    if labels.n_wrong:
        text += f"; {labels.n_wrong:,} marked as wrong"
    sure = float(labels.confidence.mean())
    untrained = [name for name in state.run.backbones if name.endswith(UNTRAINED)]
    if untrained:
        return [[f"{text}."], [f"{untrained[0]}: a trial run, whose clusters mean nothing."]]
    if sure == 0.0:
        return [[f"{text}."], ["All heads have collapsed: these clusters mean nothing."]]
    word = next(word for least, word in SURE if sure >= least)
    heads = count(len(state.classifier.voters), "head")
    return [
        [f"{text}."],
        [f"The result is {word}: of {heads}, {sure:.0%} put an image where it is, on average."],
    ]


def _clusters(found: Suggestions) -> list[Sentence]:
    pairs: Sentence = []
    for number, (first, second) in enumerate(found.like_one[:MOST]):
        pairs += ["; " if number else "", first, " and ", second]
    seen: list[Sentence] = [
        ["The heads disagree most on ", *_listed(found.mixed), "."] if found.mixed else [],
        ["These may be one: ", *pairs, "."] if pairs else [],
        ["May be two: ", *_listed(found.like_two), "."] if found.like_two else [],
    ]
    spoken = [sentence for sentence in seen if sentence]
    return spoken or [["No cluster looks mixed, and no two look like one."]]


def _listed(numbers: Sequence[int]) -> Sentence:
    parts: Sentence = []
    for place, number in enumerate(numbers[:MOST]):
        parts += [", " if place else "", number]
    return [*parts, f" and {len(numbers) - MOST} more"] if len(numbers) > MOST else parts
