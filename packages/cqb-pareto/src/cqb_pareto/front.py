"""The Pareto front of cost and quality (Eq. 1 with two objectives): exact, in plain NumPy.

A point is dominated when another costs no more *and* is no worse, and is better in one of the two. Copies of one point
do not dominate each other. Costs are minimised, qualities maximised.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from cqb_pareto.errors import InputError

Values = Float[np.ndarray, " r"]
SMALL = 12
SIFTED = 4096
FEW_RECORDS = 40
SAMPLE = 1024
BUCKETS = 4096
SMALLEST_SPREAD = 1e-300


def nondominated(costs: Values, qualities: Values, duplicates: str = "all") -> Bool[np.ndarray, " r"]:
    """Mask of the points that no other point dominates.

    O(r log r) at worst. From a few thousand points on, a sample's staircase first removes what it dominates, which on
    most clouds leaves little to sort. Infinities are ordinary values.

    Args:
        costs: any unit, smaller is better.
        qualities: any unit, larger is better.
        duplicates: `all` keeps every copy of a front point, `first` only the one with the lowest index.

    Raises:
        InputError: naming the first row with NaN, when the lengths differ, or for another word in `duplicates`.
    """
    costs, qualities = np.asarray(costs, dtype=np.float64), np.asarray(qualities, dtype=np.float64)
    size = len(costs)
    if costs.ndim != 1 or costs.shape != qualities.shape:
        raise InputError("front", "shapes", "two arrays of one axis and equal length", (costs.shape, qualities.shape))
    if duplicates not in ("all", "first"):
        raise InputError("front", "duplicates", "all or first", duplicates)
    if size <= SMALL:
        return _few(costs, qualities, duplicates == "first")
    if size <= SIFTED:
        return _by_sorting(costs, qualities, duplicates == "first")
    return _sifted(costs, qualities, duplicates == "first")


def _few(costs: Values, qualities: Values, first: bool) -> Bool[np.ndarray, " r"]:
    """A plain scan: below a dozen points, NumPy's fixed costs are larger than the work."""
    c, q = costs.tolist(), qualities.tolist()
    mask = [False] * len(c)
    best, last = -float("inf"), None
    for i in sorted(range(len(c)), key=lambda j: (c[j], -q[j])):
        if c[i] != c[i] or q[i] != q[i]:
            _check_numbers(costs, qualities)
        if last is None or q[i] > best:
            mask[i], best, last = True, q[i], c[i]
        elif q[i] == best and c[i] == last:
            mask[i] = not first
    return np.array(mask, dtype=bool)


def _by_sorting(costs: Values, qualities: Values, first: bool) -> Bool[np.ndarray, " r"]:
    """Sort by cost; without ties, a point stays when it beats all cheaper ones."""
    order = costs.argsort(kind="stable") if first else costs.argsort()
    c, q = costs.take(order), qualities.take(order)
    best = np.maximum.accumulate(q)
    if c[-1] != c[-1] or best[-1] != best[-1]:
        _check_numbers(costs, qualities)
    mask = np.empty(len(c), dtype=bool)
    if c[0] == c[-1] and not first:
        mask[order] = q == best[-1]
        return mask
    stays = np.empty(len(c), dtype=bool)
    stays[0] = True
    if np.count_nonzero(c[1:] == c[:-1]):
        np.greater_equal(q[1:], best[:-1], out=stays[1:])
        records = stays.nonzero()[0]
        mask.fill(False)
        mask[order[_among_ties(records, c, q, first)]] = True
        return mask
    np.greater(q[1:], best[:-1], out=stays[1:])
    mask[order] = stays
    return mask


def _among_ties(records: Int[np.ndarray, " s"], costs: Values, qualities: Values, first: bool) -> Int[np.ndarray, " f"]:
    """The front among records (points not below any before them in order of cost), of which some costs may be equal.

    Along the records neither cost nor quality falls, so copies stand together, and of two distinct neighbours one
    dominates the other exactly when they share a cost or a quality.
    """
    c, q = costs.take(records), qualities.take(records)
    if len(records) <= FEW_RECORDS:
        return records[_few_records(c.tolist(), q.tolist(), first)]
    dearer, better = c[1:] > c[:-1], q[1:] > q[:-1]
    starts = np.concatenate(([True], dearer | better))
    lead = starts.nonzero()[0]
    dearer, better = dearer[lead[1:] - 1], better[lead[1:] - 1]
    wins = np.ones(len(lead), dtype=bool)
    wins[1:] &= better
    wins[:-1] &= dearer
    return records[lead[wins]] if first else records[wins[starts.cumsum() - 1]]


def _few_records(c: list[float], q: list[float], first: bool) -> list[int]:
    """`_among_ties` one by one: a record replaces the last winner, is its copy, or is dominated by it."""
    wins = [0]
    for i in range(1, len(c)):
        last = wins[-1]
        if q[i] > q[last]:
            while wins and c[wins[-1]] == c[i]:
                wins.pop()
            wins.append(i)
        elif c[i] == c[last] and not first:
            wins.append(i)
    return wins


def _sifted(costs: Values, qualities: Values, first: bool) -> Bool[np.ndarray, " r"]:
    """Remove what a sample's front dominates, then sort the rest; a sample mostly on the front tells not to try.

    Costs fall into equal buckets. A point is dropped when the sample has one at least as good in a *lower* bucket,
    which is strictly cheaper because the bucket never falls as the cost grows; nothing on the front is ever dropped.
    """
    some = slice(0, None, max(len(costs) // max(SAMPLE, len(costs) // 64), 1))
    c, q = costs[some], qualities[some]
    if np.isnan(c).any() or np.isnan(q).any():
        _check_numbers(costs, qualities)
    on_front = _by_sorting(c, q, True).nonzero()[0]
    lowest = float(costs.min())
    spread = float(costs.max()) - lowest
    if len(on_front) > len(c) // 4 or not SMALLEST_SPREAD < spread < np.inf:
        return _by_sorting(costs, qualities, first)
    scale = BUCKETS / spread
    bucket = np.minimum((c[on_front] - lowest) * scale, BUCKETS).astype(np.intp)
    reached = np.full(BUCKETS + 2, -np.inf)
    np.maximum.at(reached, bucket + 1, q[on_front])
    np.maximum.accumulate(reached, out=reached)
    place = costs - lowest
    place *= scale
    np.minimum(place, BUCKETS, out=place)
    kept = (~(qualities <= reached.take(place.astype(np.intp)))).nonzero()[0]
    c, q = costs.take(kept), qualities.take(kept)
    if np.isnan(c).any() or np.isnan(q).any():
        _check_numbers(costs, qualities)
    mask = np.zeros(len(costs), dtype=bool)
    mask[kept] = _by_sorting(c, q, first)
    return mask


def _check_numbers(costs: Values, qualities: Values) -> None:
    wrong = np.flatnonzero(np.isnan(costs) | np.isnan(qualities))
    if len(wrong):
        row = int(wrong[0])
        raise InputError("front", f"row {row}", "numbers", f"cost {costs[row]}, quality {qualities[row]}")


def front_order(costs: Values, qualities: Values) -> Int[np.ndarray, " f"]:
    """Indices of the front without copies, by rising cost (and so by rising quality)."""
    index = np.flatnonzero(nondominated(costs, qualities, duplicates="first"))
    return index[np.argsort(costs[index])]


def hypervolume(costs: Values, qualities: Values, worst_cost: float, worst_quality: float) -> float:
    """Area between the front and the reference point; points beyond the reference add nothing."""
    useful = (costs < worst_cost) & (qualities > worst_quality)
    if not useful.any():
        return 0.0
    c, q = costs[useful], qualities[useful]
    order = front_order(c, q)
    width = np.diff(c[order], append=worst_cost)
    return float(np.sum(width * (q[order] - worst_quality)))


def knee(costs: Values, qualities: Values) -> int:
    """Index of the front point farthest above the line between the front's ends, both objectives scaled to 0..1.

    With fewer than three front points, the cheapest of them. Of equals the cheapest.
    """
    order = front_order(costs, qualities)
    if len(order) < 3:
        return int(order[0])
    c, q = costs[order], qualities[order]
    above = (q - q[0]) / (q[-1] - q[0]) - (c - c[0]) / (c[-1] - c[0])
    return int(order[np.argmax(above)])


def best_under(costs: Values, qualities: Values, budget: float) -> int | None:
    """Index of the best quality at cost <= budget, of equals the cheapest, then the first; None when nothing fits."""
    fits = np.flatnonzero(costs <= budget)
    if not len(fits):
        return None
    return int(fits[np.lexsort((costs[fits], -qualities[fits]))[0]])


def cheapest_reaching(costs: Values, qualities: Values, quality: float) -> int | None:
    """Index of the lowest cost at that quality or more, of equals the better, then the first; None: no row is."""
    reach = np.flatnonzero(qualities >= quality)
    if not len(reach):
        return None
    return int(reach[np.lexsort((-qualities[reach], costs[reach]))[0]])
