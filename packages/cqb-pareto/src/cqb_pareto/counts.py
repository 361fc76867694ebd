"""Whole images: the best counts near an allocation that still keep its budget or its target."""

from itertools import combinations_with_replacement, permutations

import numpy as np
from jaxtyping import Float, Int

from cqb_pareto.errors import InputError
from cqb_pareto.front import best_under, cheapest_reaching
from cqb_pareto.objectives import Objectives
from cqb_pareto.simplex import Bounds

Counts = Int[np.ndarray, "c k"]
Score = tuple[bool, float]

SIZES = (1, 2, 3, 5, 8, 13)
"""Images that an exchange moves from one label set to another, times a power of `COARSER`."""

COARSER = 8
COARSEST = 1 / 64
"""The largest such power is at most this part of the images."""

TRIED = 100_000
"""Pairs of exchanges that are tried at a time, at most; with many label sets only the smaller `SIZES` are."""


def roundings(shares: Float[np.ndarray, " k"], images: int, bounds: Bounds) -> Counts:
    """All whole counts that sum to `images`, keep the bounds and hand out only the images that rounding down leaves.

    Raises:
        InputError: when there is none, as with few images under tight bounds.
    """
    least, most = _whole(bounds, images)
    down = np.clip(np.floor(shares * images + 1e-6).astype(np.int64), least, np.maximum(least, most))
    left = images - int(down.sum())
    if (least > most).any() or least.sum() > images or most.sum() < images:
        raise InputError("images", "count", "enough images for whole numbers within the bounds", images)
    if left < 0 or left > len(shares):
        return _pulled(down, least, most, left)[None]
    given = list(combinations_with_replacement(range(len(shares)), left))
    extra = np.zeros((len(given), len(shares)), dtype=np.int64)
    for row, kinds in enumerate(given):
        np.add.at(extra[row], list(kinds), 1)
    counts = down + extra
    kept = counts[(counts <= most).all(axis=1)]
    return kept if len(kept) else _pulled(down, least, most, left)[None]


def _pulled(
    counts: Int[np.ndarray, " k"], least: Int[np.ndarray, " k"], most: Int[np.ndarray, " k"], left: int
) -> Int[np.ndarray, " k"]:
    """Counts moved towards their bounds, one kind after the other, until they sum up."""
    for kind in range(len(counts)):
        change = int(np.clip(left, least[kind] - counts[kind], most[kind] - counts[kind]))
        counts[kind] += change
        left -= change
    return counts


def owned_images(objectives: Objectives, images: int) -> Int[np.ndarray, " k"]:
    """Images whose labels are there already, rounded down."""
    return np.floor(objectives.owned * images + 1e-6).astype(np.int64)


def bought_images(counts: Counts, owned: Int[np.ndarray, " k"]) -> Counts:
    """Images to label: never one that is owned."""
    return np.asarray(np.maximum(counts - owned, 0))


def count_images(
    objectives: Objectives,
    shares: Float[np.ndarray, " k"],
    images: int,
    bounds: Bounds,
    budget: float | None = None,
    target: float | None = None,
) -> Int[np.ndarray, " k"]:
    """Counts with the best PQ within the budget, or the cheapest that reach the target.

    From the best rounding of the shares, single exchanges of images between two label sets, and pairs of exchanges, are
    made as long as one is better. Near the best allocation PQ hardly changes, so searches that differ in their last
    digit end some percent of the images apart; what no pair of exchanges betters hardly depends on where it began.

    Where no rounding reaches the target or keeps the budget, the best or the cheapest one is where it begins.

    Raises:
        InputError: when whole images within the bounds cost more than the budget, with what they cost.
    """

    def best(counts: Counts) -> tuple[int, Score]:
        """The row to prefer, and how good it is: whether it reaches the target, then cheapness or PQ."""
        cost = bought_images(counts, owned_images(objectives, images)) @ objectives.prices / images
        quality = objectives.quality.predict(counts / images)
        if target is not None:
            row = cheapest_reaching(cost, quality, target)
            return (
                (int(np.argmax(quality)), (False, float(quality.max()))) if row is None else (row, (True, -cost[row]))
            )
        row = best_under(cost, quality, np.inf if budget is None else budget * (1 + 1e-9) + 1e-12)
        if row is None:
            row = int(np.argmin(cost))
            return row, (False, -float(cost[row]))
        return row, (True, float(quality[row]))

    counts = roundings(shares, images, bounds)
    row, score = best(counts)
    chosen, within = counts[row], _whole(bounds, images)
    for scale in _scales(images):
        steps = _exchanges(len(shares), scale)
        while True:
            tried = np.concatenate([chosen[None], chosen + steps])
            tried = tried[((tried >= within[0]) & (tried <= within[1])).all(axis=1)]
            row, found = best(tried)
            if found <= (score[0], score[1] + 1e-9):
                break
            chosen, score = tried[row], found
    if target is None and not score[0]:
        wanted = f"at least {-score[1]:.6g} panoptic labels per image, the cost of {images} whole images in the bounds"
        raise InputError("budget", "relative", wanted, f"{budget:.6g}")
    return np.asarray(chosen)


def _whole(bounds: Bounds, images: int) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """The fewest and the most images of each label set."""
    least = np.ceil(bounds.low * images - 1e-6).astype(np.int64)
    return least, np.floor(bounds.high * images + 1e-6).astype(np.int64)


def _scales(images: int) -> list[int]:
    """Powers of `COARSER`, falling to 1."""
    scales = [1]
    while scales[0] * COARSER <= images * COARSEST:
        scales.insert(0, scales[0] * COARSER)
    return scales


def _exchanges(kinds: int, scale: int) -> Counts:
    """Every exchange between two of the label sets, and every pair of them."""
    between = list(permutations(range(kinds), 2))
    sizes = SIZES[: max(1, int(TRIED**0.5) // max(len(between), 1))]
    single = np.zeros((len(between) * len(sizes), kinds), dtype=np.int64)
    for row, (size, (give, take)) in enumerate((size, pair) for size in sizes for pair in between):
        single[row, give], single[row, take] = -size, size
    pairs = (single[:, None] + single[None]).reshape(-1, kinds)
    return np.asarray(scale * np.unique(np.concatenate([single, pairs]), axis=0))
