"""The two objectives: what an allocation costs (f2), and the quality it gives (f1, Eq. 9, and PQ in points, Eq. 4)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cqb_pareto.considered import considered
from cqb_pareto.errors import InputError
from cqb_pareto.kinds import check_kinds
from cqb_pareto.pilots import Pilots
from cqb_pareto.prices import PriceList
from cqb_pareto.responses import FAMILIES, BranchResponse, observe, respond
from cqb_pareto.simplex import Bounds, Shares

Values = Float[np.ndarray, " r"]
COCO = {"things": 80, "stuff": 53}


@dataclass(frozen=True)
class ClassWeights:
    """r_th and r_st of Eq. 4: the parts of the classes that are things and stuff."""

    things: float
    stuff: float

    @classmethod
    def of(cls, things: int = COCO["things"], stuff: int = COCO["stuff"]) -> "ClassWeights":
        """From numbers of classes; COCO's 80 and 53 when none are given.

        Raises:
            InputError: negative numbers, or no class at all.
        """
        if things < 0 or stuff < 0 or things + stuff == 0:
            raise InputError("classes", "things, stuff", "numbers >= 0, not both 0", (things, stuff))
        return cls(things / (things + stuff), stuff / (things + stuff))

    @classmethod
    def from_categories(cls, path: str | PathLike[str]) -> "ClassWeights":
        """From a COCO panoptic JSON file, or a list of its categories with `isthing`.

        Raises:
            InputError: naming the file and the entry that is not one.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(path, "file", "COCO categories as JSON", error) from None
        categories = content.get("categories") if isinstance(content, dict) else content
        if not isinstance(categories, list) or not categories:
            raise InputError(path, "categories", "a list of categories", type(categories).__name__)
        for i, category in enumerate(categories):
            if not isinstance(category, dict) or category.get("isthing") not in (0, 1):
                raise InputError(path, f"categories[{i}].isthing", "0 or 1", category)
        things = sum(int(category["isthing"]) for category in categories)
        return cls.of(things, len(categories) - things)

    def of_branch(self, branch: str) -> float:
        """The weight of a branch in PQ over all classes."""
        return {"things": self.things, "stuff": self.stuff, "all": 1.0}[branch]


def cost_of(shares: Shares, prices: Float[np.ndarray, " k"], owned: Float[np.ndarray, " k"] | None = None) -> Values:
    """f2: relative cost per image. Labels that are owned are free up to the owned share, and never bought twice."""
    if owned is None or not owned.any():
        return np.asarray(shares @ prices)
    return np.asarray(np.maximum(shares - owned, 0.0) @ prices)


@dataclass(frozen=True)
class QualityModel:
    """Predicted PQ of an allocation over `kinds`, in points, from the responses of each branch.

    Attributes:
        kinds: what the columns of an allocation mean; `none` (unlabelled images) may be among them.
        branches: the response of each branch.
    """

    kinds: tuple[str, ...]
    weights: ClassWeights
    branches: Mapping[str, BranchResponse]

    def predict(self, shares: Shares) -> Values:
        """Central PQ: r_th PQ_th + r_st PQ_st."""
        return self._combine(shares, lambda branch, labelled: branch.predict(labelled))

    def predict_draws(self, shares: Shares) -> Float[np.ndarray, "d r"]:
        """PQ of every bootstrap draw."""
        return self._combine(shares, lambda branch, labelled: branch.predict_draws(labelled))

    def predict_branch_draws(self, branch: str, shares: Shares) -> Float[np.ndarray, "d r"]:
        """PQ over things or stuff of every bootstrap draw."""
        return self.branches[branch].predict_draws(self._labelled(shares, self.branches[branch]))

    def improvement(self, shares: Shares) -> Values:
        """f1 of Eq. 9: the product over branches of quality over that at the smallest piloted share of full labels."""
        factor = np.ones(len(shares))
        for branch in self.branches.values():
            start = np.zeros((1, len(branch.kinds)))
            start[0, 0] = branch.low[0]
            factor *= branch.predict(self._labelled(shares, branch)) / branch.predict(start)
        return factor

    def beyond(self, shares: Shares) -> Values:
        """How far the farthest share lies outside the pilots of any branch."""
        outside = [branch.beyond(self._labelled(shares, branch)) for branch in self.branches.values()]
        return np.asarray(np.max(outside, axis=0))

    @property
    def noise(self) -> float:
        """Standard deviation of the PQ of one run around the response, in points."""
        parts = [self.weights.of_branch(name) * branch.noise for name, branch in self.branches.items()]
        return float(np.linalg.norm(parts))

    def _labelled(self, shares: Shares, branch: BranchResponse) -> Float[np.ndarray, "r labelled"]:
        columns = [self.kinds.index(kind) for kind in branch.kinds]
        return shares if columns == list(range(shares.shape[1])) else shares[:, columns]

    def _combine(self, shares: Shares, predict: Callable[[BranchResponse, Shares], np.ndarray]) -> np.ndarray:
        total: np.ndarray | float = 0.0
        for name, branch in self.branches.items():
            part = predict(branch, self._labelled(shares, branch))
            part *= self.weights.of_branch(name)
            total = total + part
        return np.asarray(total)


def fit_quality(
    pilots: Pilots,
    kinds: Sequence[str] | None = None,
    weights: ClassWeights | None = None,
    draws: int = 200,
    seed: int = 0,
    family: str | None = None,
) -> QualityModel:
    """Responses of every branch of a pilot table.

    Args:
        pilots: the runs.
        kinds: the label sets to allocate, the full one first; by default all that the table measures on every branch
            and that did not only harm (`considered`).
        weights: COCO's by default.
        draws: bootstrap draws.
        seed: of the bootstrap.
        family: a response family by name instead of the automatic choice.

    Raises:
        InputError: naming the runs that are missing, a family that there is none of, label sets that stand twice, or
            another one than the full one first.
    """
    if family is not None and family not in FAMILIES:
        raise InputError("responses", "model", f"one of {', '.join(FAMILIES)}", family)
    kinds = considered(pilots) if kinds is None else check_kinds(tuple(kinds), pilots.full)
    rng = np.random.default_rng(seed)
    branches = {branch: respond(observe(pilots, branch, kinds), rng, draws, family) for branch in pilots.branches}
    return QualityModel(tuple(kinds), weights or ClassWeights.of(), branches)


@dataclass(frozen=True)
class Objectives:
    """Cost and quality of allocations under given prices: what solvers, fronts and plans evaluate."""

    quality: QualityModel
    prices: Float[np.ndarray, " k"]
    owned: Float[np.ndarray, " k"]

    @classmethod
    def of(cls, quality: QualityModel, prices: PriceList) -> "Objectives":
        """Central relative prices of the quality model's kinds.

        Raises:
            InputError: naming the kind without a price.
        """
        return cls(quality, prices.relative(quality.kinds), prices.owned_shares(quality.kinds))

    def cost(self, shares: Shares) -> Values:
        """f2 in panoptic-label units per image."""
        return cost_of(shares, self.prices, self.owned)

    def evaluate(self, shares: Shares) -> tuple[Values, Values]:
        """Costs and central PQ in points."""
        return self.cost(shares), self.quality.predict(shares)


def cheapest_allocation(objectives: Objectives, bounds: Bounds) -> Float[np.ndarray, " k"]:
    """The allocation of lowest cost within the bounds: minima first, then owned labels, then the cheapest ones."""
    shares = bounds.low.copy()
    free = np.maximum(np.minimum(objectives.owned, bounds.high) - shares, 0)
    steps = [(0.0, kind, free[kind]) for kind in range(len(shares))]
    steps += [
        (objectives.prices[kind], kind, bounds.high[kind] - shares[kind] - free[kind]) for kind in range(len(shares))
    ]
    for _, kind, room in sorted(steps, key=lambda step: step[0]):
        shares[kind] += min(room, max(1 - shares.sum(), 0.0))
    return shares
