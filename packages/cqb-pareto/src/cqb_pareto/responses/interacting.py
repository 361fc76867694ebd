"""A log-additive response in which each weak kind interacts with the full labels; for comparison, not for planning.

    log PQ = a + sum_k w_k g(rho_k) + sum_{k weak} v_k g(rho_P) g(rho_k)

with g of `additive`. Pilots mix the full set with one kind, so interactions between two weak kinds are not in them, and
those with the full set lean on three shares: the signs of the v_k are free, and more labels may lower the prediction,
which is why no plan is made from it. [ours]
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cqb_pareto.responses.additive import TAUS, returns
from cqb_pareto.responses.observations import Observations


@dataclass(frozen=True)
class Interacting:
    """One fitted response: a, w of each kind, v of each weak kind, and tau."""

    coefficients: Float[np.ndarray, " p"]
    tau: float

    def predict(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, " r"]:
        """PQ in points."""
        return np.asarray(np.exp(terms(shares, self.tau) @ self.coefficients))


def terms(shares: Float[np.ndarray, "r k"], tau: float) -> Float[np.ndarray, "r p"]:
    """1, g of each kind, and the products of the full set's g with each weak kind's."""
    g = returns(shares, tau)
    return np.column_stack([np.ones(len(g)), g, g[:, :1] * g[:, 1:]])


def fit_interacting(seen: Observations) -> Interacting:
    """Least squares on log PQ, with the tau that best predicts allocations left out."""
    rows = seen.counts
    shares, y, points = seen.shares[rows], np.log(np.maximum(seen.quality[rows], 1e-3)), seen.points[rows]
    tau = min(TAUS, key=lambda tau: _left_out(terms(shares, tau), y, points))
    return Interacting(np.linalg.lstsq(terms(shares, tau), y, rcond=None)[0], float(tau))


def _left_out(design: Float[np.ndarray, "n p"], y: Float[np.ndarray, " n"], points: np.ndarray) -> float:
    """Sum of squared errors at allocations that a fit has not seen."""
    error = 0.0
    for point in np.unique(points):
        out = points == point
        coefficients = np.linalg.lstsq(design[~out], y[~out], rcond=None)[0]
        error += float(((design[out] @ coefficients - y[out]) ** 2).sum())
    return error
