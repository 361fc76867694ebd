"""How weak kinds act together is in no pilot, as each mixes two label sets: a band has to allow for it.

Two kinds may teach the same, so that half of each is worth little more than half of one, or complement each other. On
pilots with one weak kind all of that looks alike, whatever their number. So each draw takes the gain of the weak labels
over the full ones alone, where several kinds share it, for a fraction larger or smaller. [ours] The fraction is a
belief: it was set on drawn truths, and judged on truths of other forms (`tools/study_bands.py`).
"""

import numpy as np
from jaxtyping import Float

MIXED = 0.1
"""Standard deviation of that fraction where two weak kinds stand on equally many images."""


def evenness(shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, " r"]:
    """How much the weak kinds (all but the first column) are mixed: 0 with one or none, 1 with two in equal shares.

    Twice the chance that two weakly labelled images differ in kind (Gini and Simpson): 4/3 with three equal ones.
    """
    weak = shares[:, 1:]
    total = np.maximum(weak.sum(axis=1, keepdims=True), 1e-12)
    alike = ((weak / total) ** 2).sum(axis=1)
    return np.asarray(np.where(weak.any(axis=1), 2 * np.maximum(1 - alike, 0.0), 0.0))


def full_alone(shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "r k"]:
    """The same allocations without their weak labels."""
    return np.asarray(shares * (np.arange(shares.shape[1]) == 0))
