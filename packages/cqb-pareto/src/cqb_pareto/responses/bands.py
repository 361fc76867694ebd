"""Bands: the responses of bootstrap draws over all families that fit, wider where no pilot was."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cqb_pareto.errors import InputError
from cqb_pareto.responses.choose import FAMILIES, Errors, rank
from cqb_pareto.responses.effective import DIMINISHING, PRIOR_NOISE
from cqb_pareto.responses.family import Family, Response
from cqb_pareto.responses.labels import ByLabel, labels_of
from cqb_pareto.responses.mixing import MIXED, evenness, full_alone
from cqb_pareto.responses.mixture import Mixture, dealt, stacked
from cqb_pareto.responses.observations import Observations

FEWEST_SEEDS = 3


@dataclass(frozen=True)
class BranchResponse:
    """The chosen response of one branch, draws of it and its rivals, and the errors of every family.

    Args:
        kinds: what the columns of an allocation mean; unlabelled images have no column.
        low, high: the piloted shares of each kind.
        slopes: for each draw, the points of PQ by which the response is off per unit of share beyond the pilots.
        mixing: for each draw, the fraction by which the gain of weak labels is off where two kinds share it equally.
        noise: standard deviation of one run around the response, in points.
        tried: the errors of the families, the chosen one first; empty before any pilot.
    """

    kinds: tuple[str, ...]
    low: Float[np.ndarray, " k"]
    high: Float[np.ndarray, " k"]
    centre: Response
    draws: Response
    slopes: Float[np.ndarray, " d"]
    mixing: Float[np.ndarray, " d"]
    noise: float
    tried: tuple[Errors, ...]

    def beyond(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, " r"]:
        """How far the farthest share lies outside the piloted ones; 0 inside."""
        outside = np.maximum(self.low - shares, shares - self.high)
        return np.asarray(np.maximum(outside.max(axis=1), 0.0))

    def predict(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, " r"]:
        """The central PQ in points, within 0..100."""
        return np.asarray(np.clip(self.centre.predict(shares)[0], 0.0, 100.0))

    def learnable(self) -> "BranchResponse":
        """Without the draws of how weak kinds act together, which no pilot of two label sets can change."""
        return replace(self, mixing=np.zeros_like(self.mixing))

    def predict_draws(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "d r"]:
        """PQ in points of each draw, within 0..100."""
        quality = self.draws.predict(shares)
        mixed = evenness(shares)
        if (rows := np.flatnonzero(mixed)).size:
            gain = quality[:, rows] - self.draws.predict(full_alone(shares[rows]))
            quality[:, rows] += self.mixing[:, None] * mixed[rows] * gain
        quality += self.slopes[:, None] * self.beyond(shares)
        return np.clip(quality, 0.0, 100.0, out=quality)


def respond(
    seen: Observations, rng: np.random.Generator, draws: int = 200, family: str | None = None
) -> BranchResponse:
    """Fit one branch: choose the family of the centre by its errors (or take the one named), and bootstrap every family
    that has weight among them (`mixture`); where weak kinds are mixed, no pilot says how they act together (`mixing`).

    Runs of one cell are resampled over their seeds; a cell of one or two runs, which hardly shows its own spread, gets
    noise of the size of the residuals. That size is itself an estimate: each draw has its own, from the scaled inverse
    chi-squared distribution of the residuals' degrees of freedom, so that few runs give the tails of Student's t.

    Raises:
        InputError: naming the family when it has no fit to these runs.
    """
    tried = tuple(sorted(rank(seen), key=lambda errors: errors.family != family))
    fits = {errors.family: _fit(seen, FAMILIES[errors.family]) for errors in tried}
    fitting = [errors for errors in tried if np.isfinite(fits[errors.family].predict(seen.shares)).all()]
    if tried[0] not in fitting:
        wanted = "one that fits these runs (the cubic wants baselines above 0)"
        raise InputError(f"response of {seen.branch}", "family", wanted, tried[0].family)
    centre = fits[tried[0].family]
    noise, _ = _noise(seen, FAMILIES[tried[0].family], centre)
    counted = [(errors, n) for errors, n in zip(fitting, dealt(stacked(fitting), draws), strict=True) if n]
    parts = tuple(bootstrap(seen, FAMILIES[e.family], fits[e.family], rng, n) for e, n in counted)
    slopes = np.concatenate([rng.standard_normal(n) * _drift(errors) for errors, n in counted])
    order = rng.permutation(draws)
    drawn, mixing = Mixture(parts, order), MIXED * rng.standard_normal(draws)
    return BranchResponse(seen.kinds, seen.low, seen.high, centre, drawn, slopes[order], mixing, noise, tried)


def _fit(seen: Observations, family: Family) -> Response:
    return family.fit(seen, seen.quality[None], np.ones((1, len(seen.quality))))


def bootstrap(seen: Observations, family: Family, fit: Response, rng: np.random.Generator, draws: int) -> Response:
    """Responses of one family to resampled runs; `fit` is its response to the runs themselves."""
    noise, free = _noise(seen, family, fit)
    quality, weights = resample(seen, noise * np.sqrt(free / rng.chisquare(free, draws)), rng, draws)
    return family.fit(seen, quality, weights, rng)


def before_pilots(kinds: tuple[str, ...], rng: np.random.Generator, draws: int = 200) -> BranchResponse:
    """What is believed of a branch before any run, as far as pilots can change it (`learnable`): the prior of the power
    law with diminishing worth.
    """
    k, (labels, parts) = len(kinds), labels_of(kinds)
    prior = DIMINISHING.prior(len(labels), draws + 1, rng)
    centre, drawn = (
        ByLabel(DIMINISHING.curve(theta), parts) for theta in (prior.theta.mean(axis=0, keepdims=True), prior.theta[1:])
    )
    noughts = np.zeros(draws)
    return BranchResponse(kinds, np.zeros(k), np.ones(k), centre, drawn, noughts, noughts, PRIOR_NOISE, ())


def resample(
    seen: Observations, noise: Float[np.ndarray, " d"], rng: np.random.Generator, draws: int
) -> tuple[Float[np.ndarray, "d n"], Float[np.ndarray, "d n"]]:
    """Qualities and weights of bootstrap data sets, whose runs have noise of the given size; every cell keeps its total
    weight.

    A cell of n runs is resampled n - 1 times with weights n / (n - 1) (Rao and Wu, JASA 83, 1988), so that its mean
    varies as it should; n times would give (n - 1) / n of that variance.
    """
    quality = np.tile(seen.quality, (draws, 1))
    weights = np.ones((draws, len(seen.quality)))
    for cell in np.unique(seen.cells):
        rows = np.flatnonzero(seen.cells == cell)
        if len(rows) < FEWEST_SEEDS:
            quality[:, rows] += noise[:, None] * rng.standard_normal((draws, len(rows)))
        else:
            picked = rng.multinomial(len(rows) - 1, np.full(len(rows), 1 / len(rows)), size=draws)
            weights[:, rows] = picked * (len(rows) / (len(rows) - 1))
    return np.clip(quality, 0.01, 100.0), weights


def _noise(seen: Observations, family: Family, centre: Response) -> tuple[float, int]:
    """Residual standard deviation, and the degrees of freedom that the fit left, at least those of one run."""
    missed = (centre.predict(seen.shares)[0] - seen.quality)[seen.counts]
    free = max(len(missed) - family.parameters - len(seen.kinds) + 1, 1)
    return float(np.sqrt((missed**2).sum() / free)), free


def _drift(chosen: Errors) -> float:
    """Points of PQ per unit of share beyond the pilots: the extrapolation error over the distance it was made at.

    Without an extrapolation test, ten points per unit: five times what the paper's table shows for its best family.
    """
    return chosen.extrapolation / chosen.distance if chosen.distance > 0 else 10.0
