"""Allocations that cost as much as the planned one, to compare it with."""

from collections.abc import Sequence

import numpy as np

from cqb_core import InputError, Labels
from cqb_pareto import PriceList, sample_uniform

NOTHING = Labels(0)


def price_of(labels: Labels, prices: PriceList) -> float:
    """Relative price of a label set; nothing is free."""
    return float(prices.relative([labels.short])[0]) if labels else 0.0


def cost_of(allocation: dict[Labels, float], prices: PriceList) -> float:
    """Relative cost per image."""
    return sum(share * price_of(labels, prices) for labels, share in allocation.items())


def all_full(cost: float, prices: PriceList) -> dict[Labels, float]:
    """As many fully labelled images as the cost allows, and no label on the others."""
    full = Labels.parse(prices.full)
    share = min(1.0, cost / price_of(full, prices))
    return {full: share, NOTHING: 1 - share} if share < 1 else {full: 1.0}


def mixed_to_cost(
    kinds: Sequence[Labels], cost: float, prices: PriceList, rng: np.random.Generator
) -> dict[Labels, float]:
    """A random allocation, uniform on the simplex, mixed with its cheapest or dearest kind until it has the cost.

    Raises:
        InputError: when the cost lies outside what the kinds cost.
    """
    each = np.array([price_of(kind, prices) for kind in kinds])
    if not each.min() <= cost <= each.max():
        raise InputError("study", "cost", f"one from {each.min():.3g} to {each.max():.3g}", f"{cost:.3g}")
    shares = sample_uniform(len(kinds), 1, rng)[0]
    drawn = float(shares @ each)
    end = each.argmin() if drawn > cost else each.argmax()
    kept = (cost - each[end]) / (drawn - each[end]) if drawn != each[end] else 1.0
    shares = kept * shares
    shares[end] += 1 - kept
    return {kind: float(share) for kind, share in zip(kinds, shares, strict=True) if share > 0}
