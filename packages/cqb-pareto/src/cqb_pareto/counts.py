"""Whole images: the best rounding of an allocation that still keeps its budget or its target."""

from itertools import combinations_with_replacement

import numpy as np
from jaxtyping import Float, Int

from cqb_pareto.errors import InputError
from cqb_pareto.front import best_under, cheapest_reaching
from cqb_pareto.objectives import Objectives
from cqb_pareto.simplex import Bounds

Counts = Int[np.ndarray, "c k"]


def roundings(shares: Float[np.ndarray, " k"], images: int, bounds: Bounds) -> Counts:
    """All whole counts that sum to `images`, keep the bounds and hand out only the images that rounding down leaves.

    Raises:
        InputError: when there is none, as with few images under tight bounds.
    """
    least = np.ceil(bounds.low * images - 1e-6).astype(np.int64)
    most = np.floor(bounds.high * images + 1e-6).astype(np.int64)
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
    """The rounding with the best PQ within the budget, or the cheapest one that reaches the target.

    Where none reaches the target, the best one.

    Raises:
        InputError: when whole images within the bounds cost more than the budget, with what they cost.
    """
    counts = roundings(shares, images, bounds)
    cost = bought_images(counts, owned_images(objectives, images)) @ objectives.prices / images
    quality = objectives.quality.predict(counts / images)
    if target is not None:
        row = cheapest_reaching(cost, quality, target)
        return np.asarray(counts[int(np.argmax(quality)) if row is None else row])
    row = best_under(cost, quality, np.inf if budget is None else budget * (1 + 1e-9) + 1e-12)
    if row is None:
        wanted = f"at least {cost.min():.6g} panoptic labels per image, the cost of {images} whole images in the bounds"
        raise InputError("budget", "relative", wanted, f"{budget:.6g}")
    return np.asarray(counts[row])
