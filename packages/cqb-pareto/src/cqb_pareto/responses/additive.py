"""The log-additive response: each kind adds to the logarithm of the quality, with diminishing returns.

    log PQ = a + sum_k w_k g(rho_k),   g(rho) = log(1 + rho / tau) / log(1 + 1 / tau)

The product form of Eq. 9 with a concave curve in place of each integrated cubic. Weights are >= 0 (more labels never
hurt) unless the runs contradict that clearly.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cqb_pareto.responses.observations import Observations

TAUS = np.geomspace(0.003, 3.0, 13)
CONTRADICTION = 9.0


def returns(shares: Float[np.ndarray, "... k"], tau: float) -> Float[np.ndarray, "... k"]:
    """g: 0 at no images, 1 at all."""
    return np.asarray(np.log1p(shares / tau) / np.log1p(1 / tau))


@dataclass(frozen=True)
class LogAdditive:
    """b responses: intercept and weights (b x (1 + k)) and tau (b)."""

    weights: Float[np.ndarray, "b k1"]
    tau: Float[np.ndarray, " b"]

    def predict(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "b r"]:
        """PQ in points."""
        log_quality = np.empty((len(self.tau), len(shares)))
        for tau in np.unique(self.tau):
            rows = self.tau == tau
            log_quality[rows] = self.weights[rows, :1] + self.weights[rows, 1:] @ returns(shares, tau).T
        return np.exp(log_quality, out=log_quality)


@dataclass(frozen=True)
class LogAdditiveFamily:
    """Least squares on log PQ for each tau of a grid; the best tau stays."""

    name: str = "log-additive"
    parameters: int = 2

    def fit(
        self,
        seen: Observations,
        quality: Float[np.ndarray, "b n"],
        weights: Float[np.ndarray, "b n"],
        rng: np.random.Generator | None = None,
    ) -> LogAdditive:
        """Non-negative least squares; ordinary ones where they explain the runs better by an F ratio above 9."""
        used = seen.counts
        y, w = np.log(np.maximum(quality[:, used], 1e-3)), weights[:, used]
        best = np.full(len(y), np.inf)
        taus, coefficients = np.empty(len(y)), np.empty((len(y), 1 + seen.shares.shape[1]))
        for tau in TAUS:
            design = np.column_stack([np.ones(used.sum()), returns(seen.shares[used], float(tau))])
            solved, error = _solve_all(design, y, w)
            better = error < best
            best[better], taus[better], coefficients[better] = error[better], tau, solved[better]
        return LogAdditive(coefficients, taus)


def _solve_all(
    design: Float[np.ndarray, "n k1"], y: Float[np.ndarray, "b n"], w: Float[np.ndarray, "b n"]
) -> tuple[Float[np.ndarray, "b k1"], Float[np.ndarray, " b"]]:
    """`_solve` of every data set: ordinary least squares at once; one by one where weights come out below 0."""
    normal = (w[:, None, :] * design.T) @ design
    loose = (np.linalg.pinv(normal, rcond=1e-10, hermitian=True) @ ((w * y) @ design)[:, :, None])[:, :, 0]
    error = (w * (loose @ design.T - y) ** 2).sum(axis=1)
    for row in np.flatnonzero((loose[:, 1:] < 0).any(axis=1)):
        root = np.sqrt(w[row])
        loose[row], error[row] = _solve(design * root[:, None], y[row] * root)
    return loose, error


def _solve(design: Float[np.ndarray, "n k1"], y: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " k1"], float]:
    """Coefficients with all but the intercept >= 0, and their squared error."""
    from scipy.optimize import nnls

    signed = np.column_stack([design, -design[:, 0]])
    solution, norm = nnls(signed, y)
    coefficients = solution[:-1].copy()
    coefficients[0] -= solution[-1]
    loose, *_ = np.linalg.lstsq(design, y, rcond=None)
    error = float(((design @ loose - y) ** 2).sum())
    free = np.count_nonzero(design[:, 0]) - design.shape[1]
    below = int((loose[1:] < 0).sum())
    if below and free > 0 and (norm**2 - error) / below > CONTRADICTION * error / free:
        return loose, error
    return coefficients, float(norm**2)


LOG_ADDITIVE = LogAdditiveFamily()
