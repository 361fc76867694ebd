"""Proposals in cliques: the best one with all that overlap each other, then the best left (Wan et al. 2018, Sec. 3)."""

import numpy as np
from jaxtyping import Float, Int


def cliques(overlap: Float[np.ndarray, "n n"], iou: float = 0.7) -> Int[np.ndarray, " n"]:
    """The clique of each proposal, 0 for that of the best one.

    A proposal joins a clique when it overlaps every member so far, asked in order.

    Args:
        overlap: IoU of proposals in order of falling score.
        iou: overlap from which two proposals may be in one clique.
    """
    numbers = np.full(len(overlap), -1)
    for first in range(len(overlap)):
        if numbers[first] < 0:
            number, near = numbers.max() + 1, (overlap[first] >= iou) & (numbers < 0)
            numbers[first] = number
            near[first] = False
            while near.any():
                joining = int(near.argmax())
                numbers[joining] = number
                near &= overlap[joining] >= iou
                near[joining] = False
    return numbers
