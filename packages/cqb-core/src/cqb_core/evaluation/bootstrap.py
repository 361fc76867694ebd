"""How sure a PQ is, and the difference of two: percentile bootstrap over images (Efron 1979)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cqb_core.errors import InputError
from cqb_core.evaluation.contributions import Contributions, Group, group_quality, group_slice
from cqb_core.evaluation.panoptic_quality import PanopticQuality

CHUNK = 2**21
"""Numbers drawn at once, to bound memory."""


@dataclass(frozen=True)
class Interval:
    """An estimate and the percentile interval around it, as fractions.

    Args:
        estimate: the value on all images.
        low: lower end.
        high: upper end.
        level: share of the resamples between the ends.
        resamples: how many resamples had a value; one in which no class of the group occurs has none.
    """

    estimate: float
    low: float
    high: float
    level: float
    resamples: int


def pq_interval(
    quality: PanopticQuality,
    group: Group,
    generator: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """The PQ of a group with its interval.

    Args:
        quality: scored images.
        group: `all`, `things` or `stuff`.
        generator: the only source of chance.
        resamples: how often the images are drawn anew, with replacement.
        level: of the interval, in (0, 1).

    Raises:
        InputError: when an argument is out of range, or no image holds a class of the group.
    """
    values = quality.contributions().values[None, :, group_slice(quality.taxonomy, group)]
    estimate = group_quality(values[0].sum(axis=0))[0]
    return _interval(float(estimate), _resampled_pq(values, resamples, generator)[0], level, group)


def pq_difference(
    first: PanopticQuality,
    second: PanopticQuality,
    group: Group,
    generator: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """PQ of the first minus PQ of the second on the same images, with its interval.

    Each resample draws the same images for both, so what makes an image hard cancels. Arguments are those of
    `pq_interval`.

    Raises:
        InputError: as `pq_interval`, and when the two have scored different images or classes.
    """
    ours = first.contributions()
    theirs = _paired(ours, second.contributions())
    values = np.stack([ours.values, theirs.values])[:, :, group_slice(first.taxonomy, group)]
    estimates = group_quality(values.sum(axis=1))[:, 0]
    draws = _resampled_pq(values, resamples, generator)
    return _interval(float(estimates[0] - estimates[1]), draws[0] - draws[1], level, group)


def _resampled_pq(
    values: Float[np.ndarray, "m n k 4"], resamples: int, generator: np.random.Generator
) -> Float[np.ndarray, "m r"]:
    """PQ of m metrics on the same r resamples of n images."""
    if resamples < 1:
        raise InputError("bootstrap", "resamples", "at least 1", resamples)
    metrics, images, classes, _ = values.shape
    if images == 0:
        raise InputError("bootstrap", "images", "at least one scored image", 0)
    per_chunk = max(1, CHUNK // images)
    sizes = [min(per_chunk, resamples - start) for start in range(0, resamples, per_chunk)]
    chunks = []
    for size in sizes:
        counts = _draw_counts(size, images, generator)
        totals = counts @ values.reshape(metrics, images, classes * 4)
        chunks.append(group_quality(totals.reshape(metrics, size, classes, 4))[..., 0])
    return np.concatenate(chunks, axis=1)


def _draw_counts(resamples: int, images: int, generator: np.random.Generator) -> Float[np.ndarray, "r n"]:
    """How often each image occurs in each resample: multinomial, n draws each."""
    drawn = generator.integers(images, size=(resamples, images))
    drawn += np.arange(resamples)[:, None] * images
    counts = np.bincount(drawn.ravel(), minlength=resamples * images)
    return counts.reshape(resamples, images).astype(np.float64)


def _interval(estimate: float, draws: Float[np.ndarray, " r"], level: float, group: Group) -> Interval:
    if not 0 < level < 1:
        raise InputError("bootstrap", "level", "a share in (0, 1)", level)
    if np.isnan(estimate):
        raise InputError("bootstrap", f"group {group!r}", "images that hold one of its classes", "none")
    defined = draws[~np.isnan(draws)]
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), level, len(defined))


def _paired(ours: Contributions, theirs: Contributions) -> Contributions:
    """`theirs` in the image order of `ours`."""
    if ours.category_ids != theirs.category_ids:
        raise InputError("pq_difference", "category_ids", f"the same classes, {ours.category_ids}", theirs.category_ids)
    lone = set(ours.image_ids) ^ set(theirs.image_ids)
    if lone:
        example = min(lone, key=str)
        side = "first" if example in set(ours.image_ids) else "second"
        got = f"{len(lone)} that only one has, such as {example!r} of the {side}"
        raise InputError("pq_difference", "images", "two metrics of the same images", got)
    place = {image: i for i, image in enumerate(theirs.image_ids)}
    order = [place[image] for image in ours.image_ids]
    return Contributions(ours.image_ids, ours.category_ids, theirs.values[order])
