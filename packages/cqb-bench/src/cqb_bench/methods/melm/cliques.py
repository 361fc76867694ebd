"""Proposals in cliques: the best one with all that overlap it, then the best one left (Wan et al. 2018, Sec. 3.1)."""

import numpy as np
from jaxtyping import Float, Int


def cliques(overlap: Float[np.ndarray, "n n"], iou: float = 0.7) -> Int[np.ndarray, " n"]:
    """The clique of each proposal, 0 for that of the best one.

    Args:
        overlap: IoU of proposals in order of falling score.
        iou: overlap with a clique's first member above which another joins it.
    """
    numbers = np.full(len(overlap), -1)
    for seed in range(len(overlap)):
        if numbers[seed] < 0:
            joins = (overlap[seed] > iou) & (numbers < 0)
            joins[seed] = True
            numbers[joins] = numbers.max() + 1
    return numbers
