"""A plan in sentences, for the page and the terminal."""

from cqb_pareto.confidence import Band
from cqb_pareto.kinds import NONE
from cqb_pareto.plan import Plan
from cqb_pareto.study import Study


def summary_line(study: Study) -> str:
    """What was given."""
    goal = study.plan.goal
    wanted = f"PQ {goal['value']:g}" if goal["kind"] == "target" else f"a budget of {goal['value']:g} ({goal['unit']})"
    return (
        f"{len(study.pilots.runs)} pilot runs from {study.pilots.name}, prices {study.prices.name}, "
        f"{study.plan.images} images, {wanted}."
    )


def plan_lines(plan: Plan) -> list[str]:
    """What to buy, what to expect of it, and how sure that is."""
    counts = ", ".join(_images(count, kind) for kind, count in plan.counts.items() if kind != NONE)
    unlabelled = plan.counts.get(NONE, 0)
    rest = f"; {unlabelled} stay{'' if unlabelled != 1 else 's'} unlabelled" if unlabelled else ""
    lines = [
        f"Label {counts}{rest}.",
        f"Expected PQ {_band(plan.pq, 1)} for one training run (80 % band).",
        f"Cost {_band(plan.cost.relative, 4)} panoptic labels per image; "
        f"{_band(plan.cost.hours, 1)} hours{_money(plan)}.",
        _chances(plan),
    ]
    owned = {kind: n - plan.bought.get(kind, 0) for kind, n in plan.counts.items() if kind != NONE}
    if any(owned.values()):
        lines.insert(1, f"Already there: {', '.join(_images(n, kind) for kind, n in owned.items() if n)}.")
    for branch, family in plan.families.items():
        lines.append(
            f"Response of {branch}: {family['family']}; error {float(family['leave_one_out']):.2f} points on a "
            f"left-out allocation, {float(family['extrapolation']):.2f} on the dear half."
        )
    for option in plan.runners_up:
        shares = ", ".join(f"{kind} {share:.3f}" for kind, share in option.allocation.items() if share >= 0.0005)
        lines.append(f"Runner-up: {shares}; cost {option.cost:.4f}, PQ {_band(option.pq, 1)}.")
    return lines


def told(plan: Plan) -> list[str]:
    """The lines for a terminal: those of the plan, and its notes."""
    return [*plan_lines(plan), *(f"Note: {note}" for note in plan.notes)]


def _images(count: int, kind: str) -> str:
    return f"{count} image{'s' if count != 1 else ''} {kind}"


def _chances(plan: Plan) -> str:
    chance = plan.probabilities
    reached = "" if chance.reaches_target is None else f", reaches the target {chance.reaches_target:.0%}"
    beats_full = chance.beats_all_panoptic
    full = "" if beats_full is None else f"better than all panoptic at this cost {beats_full:.0%}, "
    than = "than" if full else "better than"
    return (
        f"Chances over the draws: not dominated by more than {chance.margin:g} points {chance.nondominated:.0%}, {full}"
        f"{than} a random allocation at this cost {chance.beats_random:.0%}{reached}."
    )


def _money(plan: Plan) -> str:
    return "" if plan.cost.money is None else f"; {_band(plan.cost.money, 0)} {plan.cost.currency}"


def _band(band: Band, digits: int) -> str:
    mid, low, high = (f"{value:.{digits}f}" for value in (band.mid, band.low, band.high))
    return mid if low == mid == high else f"{mid} ({low} to {high})"
