"""The paper's route (Eqs. 5-7): ratios to the baseline, cubic regression, exact integration.

For a weak kind the gain f(rho) = module / baseline - 1 (Eq. 6) is regressed on its share with a cubic and integrated
from 0 (Eq. 7), the integral of a polynomial being one. For the full label set differences are used (Eq. 5), here from
the smallest piloted share rho_0 and in units of the quality there, so that gains of all kinds multiply:

    PQ(rho) = PQ(rho_0) (1 + D_P(rho_P)) prod_k (1 + D_k(rho_k))      (Eq. 9 for one branch)

[ours] Three piloted shares, as published, allow a parabola only: the degree is at most one less than the number of
shares. Where a kind has no module run, its upper run takes that place.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cqb_pareto.responses.observations import Observations

DEGREE = 3

Coefficients = Float[np.ndarray, "b c"]


def regress(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], degree: int = DEGREE) -> Float[np.ndarray, " c"]:
    """Coefficients c_0, ..., c_3 of the least-squares polynomial; all 0 without points."""
    degree = min(degree, len(np.unique(np.round(x, 9))) - 1)
    coefficients = np.zeros(DEGREE + 1)
    if degree >= 0:
        coefficients[: degree + 1] = np.polynomial.polynomial.polyfit(x, y, degree)
    return coefficients


def integrate(coefficients: Float[np.ndarray, "... c"]) -> Float[np.ndarray, "... d"]:
    """Coefficients of the integral from 0 (Eq. 7)."""
    return np.asarray(np.polynomial.polynomial.polyint(coefficients, axis=-1))


@dataclass(frozen=True)
class PaperCubic:
    """b responses: PQ(rho_0), and for each kind the polynomial of its D (b x k x 5)."""

    anchor: Float[np.ndarray, " b"]
    gains: Float[np.ndarray, "b k d"]

    def improvement(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "b k r"]:
        """D of each kind at its share."""
        powers = shares.T[:, None, :] ** np.arange(self.gains.shape[2])[:, None]
        return np.asarray(np.einsum("bkd,kdr->bkr", self.gains, powers))

    def predict(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "b r"]:
        """PQ in points."""
        factor = np.broadcast_to(self.anchor[:, None], (len(self.anchor), len(shares))).copy()
        for column in range(shares.shape[1]):
            factor *= 1 + np.polynomial.polynomial.polyval(shares[:, column], self.gains[:, column].T)
        return factor


@dataclass(frozen=True)
class CubicFamily:
    """The paper's cubics of gains."""

    name: str = "cubic"
    parameters: int = 1

    def fit(
        self,
        seen: Observations,
        quality: Float[np.ndarray, "b n"],
        weights: Float[np.ndarray, "b n"],
        rng: np.random.Generator | None = None,
    ) -> PaperCubic:
        """A cell's quality is the weighted mean over its seeds; cells with weight 0 are left out.

        A baseline of 0 has no ratios: what is fitted to it predicts NaN.
        """
        cells = [np.flatnonzero(seen.cells == cell) for cell in range(int(seen.cells.max()) + 1)]
        with np.errstate(divide="ignore", invalid="ignore"):
            fits = [_fit_one(seen, cells, y, w) for y, w in zip(quality, weights, strict=True)]
        return PaperCubic(np.array([fit[0] for fit in fits]), np.array([fit[1] for fit in fits]))


def _fit_one(
    seen: Observations, cells: list[np.ndarray], y: Float[np.ndarray, " n"], w: Float[np.ndarray, " n"]
) -> tuple[float, Float[np.ndarray, "k d"]]:
    mean = np.array([np.average(y[rows], weights=w[rows]) if w[rows].any() else np.nan for rows in cells])
    first = np.array([rows[0] for rows in cells])
    arm = np.where(seen.counts[first], seen.arm[first], -1)
    alone = (arm == 0) & ~np.isnan(mean)
    share = seen.shares[first]
    start = share[alone, 0].min()
    anchor = float(mean[alone & (share[:, 0] == start)].mean())
    gains = np.zeros((len(seen.kinds), DEGREE + 2))
    gains[0, : DEGREE + 1] = regress(share[alone, 0], mean[alone] / anchor - 1)
    base = seen.base[first]
    for kind in range(1, len(seen.kinds)):
        with_base = (arm == kind) & (base >= 0) & ~np.isnan(mean) & ~np.isnan(mean[base])
        chosen = with_base & _modules_first(seen, first, with_base)
        gains[kind] = integrate(regress(share[chosen, kind], mean[chosen] / mean[base[chosen]] - 1))
    return anchor, gains


def _modules_first(seen: Observations, first: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Module runs where the kind has any with a baseline, else all."""
    modules = seen.module[first]
    return modules if (rows & modules).any() else np.ones(len(first), dtype=bool)


CUBIC = CubicFamily()
