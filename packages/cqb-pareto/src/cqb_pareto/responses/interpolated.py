"""Quality between the pilots, with no parameters: for comparison, not for planning.

    PQ(rho) = PQ_P(rho_P) + sum_k rho_k / (1 - rho_P) (PQ_k(rho_P) - PQ_P(rho_P))

where PQ_k interpolates the pilots with the rest on kind k linearly in the share of full labels, and goes on as at its
ends outside of them. What each kind gains when all the rest carries it is shared out as the rest is. [ours]
"""

import numpy as np
from jaxtyping import Float

from cqb_pareto.responses.observations import Observations


def interpolated(seen: Observations, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, " r"]:
    """PQ in points; every kind has to be piloted at two shares."""
    full = shares[:, 0]
    alone = _along(seen, 0, full)
    rest = np.maximum(1 - full, 1e-12)
    gains = [shares[:, kind] / rest * (_along(seen, kind, full) - alone) for kind in range(1, shares.shape[1])]
    return np.asarray(alone + np.sum(gains, axis=0))


def _along(seen: Observations, kind: int, full: Float[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    from scipy.interpolate import make_interp_spline

    rows = seen.counts & (seen.arm == kind)
    at = np.unique(seen.shares[rows, 0])
    mean = np.array([seen.quality[rows & (seen.shares[:, 0] == share)].mean() for share in at])
    return np.asarray(make_interp_spline(at, mean, k=1)(full))
