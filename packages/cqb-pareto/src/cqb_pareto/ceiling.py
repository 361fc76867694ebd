"""How well any response that never falls with richer labels can order measured trainings.

An allocation is richer than another when images of it, made poorer one by one (P to B or S, either of them to I), give
the other. Where the measurements contradict that order, no such response can follow them, whatever it is fitted to.
"""

import numpy as np
from jaxtyping import Bool, Float

AT_LEAST = np.array([[1, 0, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [1, 0, 1, 1], [1, 1, 1, 1]], dtype=float)
"""Sets of the kinds P, I, B, S that hold, with each kind, those that are richer."""
MOST_ROWS = 16
SLACK = 1e-9


def richer(shares: Float[np.ndarray, "r 4"]) -> Bool[np.ndarray, "r r"]:
    """Whether the row is richer than the column, in shares of P, I, B and S: no set of `AT_LEAST` has less in it."""
    held = shares @ AT_LEAST.T
    no_poorer = (held[:, None] >= held - SLACK).all(axis=2)
    return np.asarray(no_poorer & ~no_poorer.T)


def ceiling(shares: Float[np.ndarray, "r 4"], measured: Float[np.ndarray, " r"]) -> float:
    """Spearman's correlation of the best order in which no allocation stands above a richer one.

    Exact, by dynamic programming over the sets of rows that can stand lowest.

    Raises:
        ValueError: naming the number of rows when there are more than `MOST_ROWS`.
    """
    from scipy.stats import rankdata

    n = len(measured)
    if n > MOST_ROWS:
        raise ValueError(f"measured: wanted at most {MOST_ROWS} rows, got {n}")
    poorer = [sum(1 << int(column) for column in np.flatnonzero(row)) for row in richer(shares)]
    rank = rankdata(measured)
    least = np.full(1 << n, np.inf)
    least[0] = 0.0
    place = np.array([below.bit_count() + 1 for below in range(1 << n)])
    for below in range(1 << n):
        for row in range(n) if np.isfinite(least[below]) else ():
            if not below >> row & 1 and not poorer[row] & ~below:
                above = below | 1 << row
                least[above] = min(least[above], least[below] - rank[row] * place[below])
    centred = rank - rank.mean()
    places = np.arange(1, n + 1) - (n + 1) / 2
    along = -least[-1] - n * rank.mean() * (n + 1) / 2
    return float(along / np.sqrt((centred @ centred) * (places @ places)))
