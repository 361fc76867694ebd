"""Known truths of one branch for the study of bands: PQ over shares of P, I and B, drawn anew each time.

Three have the form of a response family. Two have none's, and served to choose how bands are made. Four more forms were
written down for the judgement of that choice and looked at only after it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cqb_pareto.responses.additive import LogAdditive

Surface = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Power:
    """A saturating power law of an effective share u, with tops and curvatures near the paper's."""

    top: float
    tau: float
    gamma: float
    worth: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Power":
        """I is worth up to 0.15 of a full label, B up to 0.5."""
        tau = np.exp(rng.uniform(*np.log((0.01, 0.1))))
        return cls(rng.uniform(45, 58), tau, rng.uniform(0.5, 1.2), rng.uniform((0.02, 0.05), (0.15, 0.5)))

    def __call__(self, u: np.ndarray) -> np.ndarray:
        """PQ in points."""
        return self.top * (1 - (1 + u / self.tau) ** -self.gamma)


def power(rng: np.random.Generator) -> Surface:
    """Worths add up."""
    curve = Power.draw(rng)
    return lambda x: curve(x[:, 0] + x[:, 1:] @ curve.worth)


def diminishing(rng: np.random.Generator) -> Surface:
    """The first images of a kind are worth more than the last."""
    curve, bend = Power.draw(rng), np.exp(rng.normal(np.log(2), 1))
    return lambda x: curve(x[:, 0] + np.log1p(bend * x[:, 1:]) / np.log1p(bend) @ curve.worth)


def log_additive(rng: np.random.Generator) -> Surface:
    """Each kind adds to the logarithm of the quality."""
    weights = rng.uniform((2.8, 0.6, 0.03, 0.1), (3.2, 1.0, 0.2, 0.4))
    tau = np.exp(rng.uniform(*np.log((0.01, 0.1))))
    return lambda x: LogAdditive(weights[None], np.array([tau])).predict(x)[0]


def closing(rng: np.random.Generator) -> Surface:
    """Each weak kind closes a part of the gap to saturation."""
    curve, closes = Power.draw(rng), rng.uniform((0.02, 0.1), (0.15, 0.5))

    def quality(x: np.ndarray) -> np.ndarray:
        left = np.prod(1 - closes * (1 - np.exp(-4 * x[:, 1:])), axis=1)
        return curve.top - left * (curve.top - curve(x[:, 0]))

    return quality


def overlapping(rng: np.random.Generator) -> Surface:
    """Weak kinds teach much the same: of two, the root of the sum of squares counts."""
    curve = Power.draw(rng)
    return lambda x: curve(x[:, 0] + np.linalg.norm(x[:, 1:] * curve.worth, axis=1))


def better_kind(rng: np.random.Generator) -> Surface:
    """Of two weak kinds, only the one that teaches more counts."""
    curve = Power.draw(rng)
    return lambda x: curve(x[:, 0] + np.max(x[:, 1:] * curve.worth, axis=1))


def saturating_kinds(rng: np.random.Generator) -> Surface:
    """Each kind's worth saturates at a share of its own (Michaelis and Menten)."""
    curve, half = Power.draw(rng), rng.uniform(0.05, 0.5, 2)
    return lambda x: curve(x[:, 0] + x[:, 1:] * (1 + half) / (x[:, 1:] + half) @ curve.worth)


def complements(rng: np.random.Generator) -> Surface:
    """Two weak kinds are worth up to twice as much as their sum."""
    curve, extra = Power.draw(rng), rng.uniform(0, 2)
    return lambda x: curve(x[:, 0] + x[:, 1:] @ curve.worth + extra * np.sqrt(np.prod(x[:, 1:] * curve.worth, axis=1)))


def amplifying(rng: np.random.Generator) -> Surface:
    """Weak labels teach nothing alone, but make each full label worth more."""
    curve = Power.draw(rng)
    return lambda x: curve(x[:, 0] * (1 + 4 * x[:, 1:] @ curve.worth))


TRUTHS: dict[str, dict[str, Callable[[np.random.Generator], Surface]]] = {
    "a family's form": {"power": power, "diminishing": diminishing, "log-additive": log_additive},
    "no family's form": {"closing the gap": closing, "overlapping labels": overlapping},
    "held out": {
        "better kind only": better_kind,
        "kinds saturate": saturating_kinds,
        "complements": complements,
        "amplifying": amplifying,
    },
}
"""By what they are for."""
