"""Responses of an effective share: an image with weak labels is worth a fraction of a fully labelled one.

u = rho_P + sum_k e_k rho_k, with one e_k >= 0 for each weak kind, and quality rises with u, from 0 at u = 0:

    power law   A (1 - (1 + u / tau) ** -gamma)      saturates at A
    log         A log(1 + u / tau)                   the limit gamma -> 0: does not saturate
    diminishing the power law of u = rho_P + sum_k e_k log(1 + s rho_k) / s, s > 0: the first images with a kind are
                worth more than the last, so that a mixture of weak kinds can beat the best one. s -> 0 is the power law

Both are monotone in every share and concave in u, so a weak label brings less where full labels abound, which is what
the paper's Table 2 shows. [ours] The logarithms of the parameters carry a wide normal prior, so a fit exists for any
number of runs; a bootstrap draws the prior's centre too (randomised maximum a posteriori), so that with few runs the
draws are as wide as the prior.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cqb_pareto.responses.observations import Observations

STEPS = 40
SETTLED, STUCK = 1e-8, 1e6
PRIOR_NOISE = 0.5
PRIOR_NOISE_RUNS = 3.0
CENTRE = {"log tau": np.log(0.1), "log gamma": 0.0, "log s": 0.0, "log e": np.log(0.2)}
SPREAD = {"log A": 0.3, "log tau": 1.5, "log gamma": 1.0, "log s": 1.5, "log e": 1.5}

Theta = Float[np.ndarray, "b p"]


@dataclass(frozen=True)
class EffectiveShare:
    """b curves; `theta` holds log A, log tau, (log gamma,) (log s,) log e of each weak kind."""

    power: bool
    theta: Theta
    diminishing: bool = False

    @property
    def first(self) -> int:
        """Column of the first log e."""
        return 2 + self.power + self.diminishing

    def worth(self) -> Float[np.ndarray, "b k"]:
        """What one (when `diminishing`: the first) image of each kind is worth in fully labelled ones; 1 for those."""
        worth = np.ones((len(self.theta), 1 + self.theta.shape[1] - self.first))
        np.exp(self.theta[:, self.first :], out=worth[:, 1:])
        return worth

    def effective(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "b r"]:
        """The effective share u."""
        if not self.diminishing:
            return np.asarray(self.worth() @ shares.T)
        bend, worth = np.exp(self.theta[:, self.first - 1, None]), self.worth()
        u = np.tile(shares[:, 0], (len(worth), 1))
        for kind in range(1, shares.shape[1]):
            u += worth[:, kind, None] / bend * np.log1p(bend * shares[:, kind])
        return u

    def predict(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "b r"]:
        """PQ in points."""
        u = self.effective(shares)
        scale, tau = np.exp(self.theta[:, :1]), np.exp(self.theta[:, 1:2])
        u /= tau
        np.log1p(u, out=u)
        if self.power:
            u *= -np.exp(self.theta[:, 2:3])
            np.expm1(u, out=u)
            return np.asarray(np.multiply(u, -scale, out=u))
        return np.asarray(np.multiply(u, scale, out=u))


@dataclass(frozen=True)
class EffectiveFamily:
    """The power law or the log curve of an effective share."""

    name: str
    power: bool
    parameters: int = 3
    diminishing: bool = False

    def curve(self, theta: Theta) -> EffectiveShare:
        """The responses that rows of parameters stand for."""
        return EffectiveShare(self.power, theta, self.diminishing)

    def fit(
        self,
        seen: Observations,
        quality: Float[np.ndarray, "b n"],
        weights: Float[np.ndarray, "b n"],
        rng: np.random.Generator | None = None,
    ) -> EffectiveShare:
        """Levenberg-Marquardt on all data sets at once, twice: the second time with the noise that the first shows.

        Runs of one allocation enter by their weighted mean, which has the same minimum.
        """
        used = seen.counts
        y, w = quality[:, used], weights[:, used]
        centre, spread = self._prior(y, seen.shares.shape[1])
        if rng is not None:
            centre = centre + spread * rng.standard_normal(centre.shape)
        runs = w.sum(axis=1, keepdims=True)
        squares = (w * y**2).sum(axis=1, keepdims=True)
        shares, y, w = _means(seen.shares[used], seen.points[used], y, w)
        within = np.maximum(squares - (w * y**2).sum(axis=1, keepdims=True), 0)
        noise = np.full((len(y), 1), PRIOR_NOISE)
        theta = self._descend(shares, y, w / noise**2, centre, spread, centre)
        left = within + (w * (self.curve(theta).predict(shares) - y) ** 2).sum(axis=1, keepdims=True)
        free = np.maximum(runs - theta.shape[1], 0)
        noise = np.sqrt((PRIOR_NOISE_RUNS * PRIOR_NOISE**2 + left) / (PRIOR_NOISE_RUNS + free))
        return self.curve(self._descend(shares, y, w / noise**2, centre, spread, theta))

    def prior(self, k: int, size: int, rng: np.random.Generator, scale: float = 50.0) -> EffectiveShare:
        """Responses drawn from the prior, for a design before any run; `scale` is a guess of the reachable PQ."""
        centre, spread = self._prior(np.full((size, 1), scale / 1.1), k)
        return self.curve(centre + spread * rng.standard_normal(centre.shape))

    def _prior(self, y: Float[np.ndarray, "b n"], k: int) -> tuple[Theta, Float[np.ndarray, " p"]]:
        shape = ["log gamma"] * self.power + ["log s"] * self.diminishing
        names = ["log A", "log tau", *shape, *["log e"] * (k - 1)]
        top = 1.1 * y.max(axis=1) if self.power else y.max(axis=1) / np.log1p(1 / np.exp(CENTRE["log tau"]))
        centre = np.tile([CENTRE.get(name, 0.0) for name in names], (len(y), 1))
        centre[:, 0] = np.log(np.maximum(top, 1e-3))
        return centre, np.array([SPREAD[name] for name in names])

    def _descend(
        self,
        shares: Float[np.ndarray, "n k"],
        y: Float[np.ndarray, "b n"],
        precision: Float[np.ndarray, "b n"],
        centre: Theta,
        spread: Float[np.ndarray, " p"],
        theta: Theta,
    ) -> Theta:
        """The minimum of sum precision (f - y)^2 + sum ((theta - centre) / spread)^2, row by row.

        scipy fits one data set a call; the several hundred small ones of a bootstrap go about fifty times faster as one
        batch of normal equations.
        """
        ridge = 1 / spread**2
        damping, theta = np.full(len(y), 1e-2), theta.copy()
        loss = self._loss(shares, y, precision, centre, ridge, theta)
        live = np.arange(len(y))
        for _ in range(STEPS):
            at, known = theta[live], precision[live]
            value, slope = self._slope(shares, at)
            normal = slope.transpose(0, 2, 1) @ (slope * known[:, :, None])
            gradient = np.einsum("bnp,bn->bp", slope, known * (y[live] - value)) - ridge * (at - centre[live])
            diagonal = np.einsum("bpp->bp", normal) + ridge
            normal[:, range(len(ridge)), range(len(ridge))] = diagonal * (1 + damping[live, None])
            step = np.linalg.solve(normal, gradient[:, :, None])[:, :, 0]
            trial = at + np.clip(step, -1.5, 1.5)
            tried = self._loss(shares, y[live], known, centre[live], ridge, trial)
            gained = loss[live] - tried
            better = live[gained > 0]
            theta[better], loss[better] = trial[gained > 0], tried[gained > 0]
            damping[live] = np.where(gained > 0, damping[live] / 4, damping[live] * 6)
            live = live[(gained > SETTLED * (1 + tried)) | ((gained <= 0) & (damping[live] < STUCK))]
            if not len(live):
                break
        return theta

    def _loss(
        self,
        shares: Float[np.ndarray, "n k"],
        y: Float[np.ndarray, "b n"],
        precision: Float[np.ndarray, "b n"],
        centre: Theta,
        ridge: Float[np.ndarray, " p"],
        theta: Theta,
    ) -> Float[np.ndarray, " b"]:
        misfit = self.curve(theta).predict(shares) - y
        return np.asarray((precision * misfit**2).sum(axis=1) + (ridge * (theta - centre) ** 2).sum(axis=1))

    def _slope(
        self, shares: Float[np.ndarray, "n k"], theta: Theta
    ) -> tuple[Float[np.ndarray, "b n"], Float[np.ndarray, "b n p"]]:
        """The curve at each run, and its derivative in each parameter."""
        curve = self.curve(theta)
        tau = np.exp(theta[:, 1])[:, None, None]
        labels = np.broadcast_to(shares, (len(theta), *shares.shape))
        if self.diminishing:
            bend = np.exp(theta[:, curve.first - 1])[:, None, None]
            labels = np.concatenate([labels[:, :, :1], np.log1p(bend * labels[:, :, 1:]) / bend], axis=2)
        parts = curve.worth()[:, None, :] * labels / tau
        s = 1 + parts.sum(axis=2)
        scale = np.exp(theta[:, :1])
        slope = np.empty((*s.shape, theta.shape[1]))
        if self.power:
            gamma = np.exp(theta[:, 2:3])
            fall = s**-gamma
            value, by_s = scale * (1 - fall), scale * gamma * fall / s
            slope[:, :, 2] = scale * fall * np.log(s) * gamma
        else:
            value, by_s = scale * np.log(s), scale / s
        slope[:, :, 0] = value
        slope[:, :, 1] = by_s * (1 - s)
        if self.diminishing:
            bending = shares[:, 1:] / (1 + bend * shares[:, 1:]) - labels[:, :, 1:]
            slope[:, :, curve.first - 1] = by_s * (curve.worth()[:, None, 1:] * bending / tau).sum(axis=2)
        slope[:, :, curve.first :] = by_s[:, :, None] * parts[:, :, 1:]
        return value, slope


def _means(
    shares: Float[np.ndarray, "n k"],
    points: Int[np.ndarray, " n"],
    y: Float[np.ndarray, "b n"],
    w: Float[np.ndarray, "b n"],
) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, "b m"], Float[np.ndarray, "b m"]]:
    """The distinct allocations, and the weighted mean and the weight of each one's runs; 0 where all weights are."""
    _, first, cell = np.unique(points, return_index=True, return_inverse=True)
    member = (cell.reshape(-1, 1) == np.arange(len(first))).astype(float)
    total = w @ member
    return shares[first], (w * y) @ member / np.where(total > 0, total, 1.0), total


POWER = EffectiveFamily("power", True)
LOG = EffectiveFamily("log", False, 2)
DIMINISHING = EffectiveFamily("diminishing", True, 4, True)
