"""The Pareto front of cost and quality (Eq. 1 with two objectives): exact, in plain NumPy.

A point is dominated when another costs no more *and* is no worse, and is better in one of the two. Copies of one point
do not dominate each other. Costs are minimised, qualities maximised.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from cqb_pareto.errors import InputError

Values = Float[np.ndarray, " r"]
SMALL = 300
SIFTED = 30_000
FEW_RECORDS = 10
SAMPLE = 1024
BUCKETS = 4096
SMALLEST_SPREAD = 1e-300


def nondominated(costs: Values, qualities: Values, duplicates: str = "all") -> Bool[np.ndarray, " r"]:
    """Mask of the points that no other point dominates.

    O(r log r) at worst. From tens of thousands of points on, a sample's staircase first removes what it dominates,
    which on most clouds leaves little to sort. Infinities are ordinary values.

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
        return _by_sorting_both(costs, qualities, duplicates == "first")
    if size <= SIFTED:
        return _by_sorting(costs, qualities, duplicates == "first")
    return _sifted(costs, qualities, duplicates == "first")


def _by_sorting_both(costs: Values, qualities: Values, first: bool) -> Bool[np.ndarray, " r"]:
    """Sort by cost, and by falling quality where costs tie: complex numbers have that order, and one sort of them takes
    less of NumPy's fixed costs than two. On the front are the first to reach the best quality so far, and their copies.
    """
    if not len(costs):
        return np.empty(0, dtype=bool)
    both = np.empty(len(costs), dtype=np.complex128)
    both.real = costs
    np.negative(qualities, out=both.imag)
    order = both.argsort(kind="stable") if first else both.argsort()
    both = both[order]
    last = both.item(-1)
    if last != last:
        _check_numbers(costs, qualities)
    best = np.maximum.accumulate(qualities[order])
    reached = best.searchsorted(best)
    mask = np.empty(len(order), dtype=bool)
    mask[order] = reached == np.arange(len(order)) if first else both == both[reached]
    return mask


def _by_sorting(costs: Values, qualities: Values, first: bool) -> Bool[np.ndarray, " r"]:
    """Sort by cost. Where one point is both cheapest and best, it and its copies are the front; else it is among the
    records.
    """
    order = costs.argsort(kind="stable") if first else costs.argsort()
    c, q = costs[order], qualities[order]
    best = np.maximum.accumulate(q)
    dearest, top = c.item(-1), best.item(-1)
    if dearest != dearest or top != top:
        _check_numbers(costs, qualities)
    size = len(c)
    if size > 1 and c.item(0) == c.item(1):
        for place in (size // 16, size // 4):
            if best.item(place) == top and c.item(place) == c.item(0):
                ideal = (costs == c.item(0)) & (qualities == top)
                return _only_first(ideal) if first else ideal
    return _records(c, q, order, best, first)


def _only_first(mask: Bool[np.ndarray, " r"]) -> Bool[np.ndarray, " r"]:
    only = np.zeros(len(mask), dtype=bool)
    only[mask.argmax()] = True
    return only


def _records(c: Values, q: Values, rows: Int[np.ndarray, " r"], best: Values, first: bool) -> Bool[np.ndarray, " r"]:
    """Of the records, the points by rising cost that are as good as all before them, keep all where none ties in cost
    or quality.

    Records dearer than the cheapest of the best are dominated, so they are cut before more than a few are compared.
    """
    records = (q == best).nonzero()[0]
    mask = np.zeros(len(rows), dtype=bool)
    c, q, rows = c[records], q[records], rows[records]
    if len(rows) > FEW_RECORDS and not (plain := _all_win(c, q, first)):
        end = c.searchsorted(c.item(int(q.argmax())), "right")
        c, q, rows = c[:end], q[:end], rows[:end]
    if len(rows) > FEW_RECORDS:
        mask[rows if plain else rows[_winners(c, q, first)]] = True
        return mask
    few_c, few_q = c.tolist(), q.tolist()
    if len(set(few_c)) == len(set(few_q)) == len(few_c):
        mask[rows] = True
    else:
        mask[rows[_few_winners(few_c, few_q, list(range(len(few_c))), first)]] = True
    return mask


def _few_winners(costs: list[float], qualities: list[float], rows: list[int], first: bool) -> list[int]:
    """The front among rows that stand by rising cost, one by one: a row replaces winners of its own cost, is a copy, or
    is dominated.
    """
    wins, begin, cost, top = [rows[0]], 0, costs[rows[0]], qualities[rows[0]]
    for row in rows[1:]:
        quality = qualities[row]
        if quality < top:
            continue
        if quality > top:
            if costs[row] == cost:
                del wins[begin:]
            else:
                begin, cost = len(wins), costs[row]
            top = quality
            wins.append(row)
        elif costs[row] == cost and not first:
            wins.append(row)
    return wins


def _all_win(costs: Values, qualities: Values, first: bool) -> bool:
    """Whether all records are on the front: cost and quality rise together, and copies may stay."""
    dearer, better = costs[1:] > costs[:-1], qualities[1:] > qualities[:-1]
    if first:
        return bool((dearer & better).all())
    return not np.count_nonzero(dearer != better)


def _winners(costs: Values, qualities: Values, first: bool) -> Bool[np.ndarray, " s"]:
    """The front among records: points not below any before them in order of cost, of which some costs may be equal.

    Along the records neither cost nor quality falls, so one is dominated exactly when the first of its quality is
    cheaper, or the last of its cost is better.
    """
    cheapest, best = qualities.searchsorted(qualities), costs.searchsorted(costs, "right") - 1
    wins = (costs[cheapest] == costs) & (qualities[best] == qualities)
    if first:
        wins[1:] &= (costs[1:] > costs[:-1]) | (qualities[1:] > qualities[:-1])
    return np.asarray(wins)


def _sifted(costs: Values, qualities: Values, first: bool) -> Bool[np.ndarray, " r"]:
    """Remove what a sample's front dominates, then sort the rest; a sample mostly on the front tells not to try.

    Costs fall into equal buckets. A point is dropped when the sample has one at least as good in a *lower* bucket,
    which is strictly cheaper because the bucket never falls as the cost grows; nothing on the front is ever dropped.
    """
    some = slice(0, None, max(len(costs) // max(SAMPLE, len(costs) // 64), 1))
    c, q = costs[some], qualities[some]
    if np.isnan(c).any() or np.isnan(q).any():
        _check_numbers(costs, qualities)
    on_front = _by_sorting(c, q, False).nonzero()[0]
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
