"""A design of pilots that is given, not chosen by `cqb-pareto design`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cqb_pareto.atomic import write_atomically
from cqb_pareto.design import Proposal, to_csv


def write_design(path: Path, shares: Mapping[str, Sequence[float]], seeds: int) -> Path:
    """Write pilots with every module that their labels teach, seed by seed.

    Args:
        path: of the CSV.
        shares: of full labels, by the labels of the rest.
        seeds: how many.
    """
    asked = [
        Proposal("P", rest, share, "baseline" if rest == "none" else "module", seed, 0.0)
        for seed in range(seeds)
        for rest, of_rest in shares.items()
        for share in of_rest
    ]
    return write_atomically(path, to_csv(asked))
