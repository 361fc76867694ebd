import numpy as np
import pytest

from cqb_pareto.responses import Observations

SHARES = (0.05, 0.1, 0.2, 0.35, 0.5)


@pytest.fixture(scope="session")
def drawn():
    """Pilots on P alone, P and I, P and B that show a known response, given as an object or as a function of shares."""

    def make(response, replicates=1, noise=0.0, seed=0):
        rng = np.random.default_rng(seed)
        rows = [(share, arm) for arm in (0, 1, 2) for share in SHARES]
        shares = np.array([[s, (1 - s) * (a == 1), (1 - s) * (a == 2)] for s, a in rows for _ in range(replicates)])
        cells = np.repeat(np.arange(len(rows)), replicates)
        exact = response.predict(shares)[0] if hasattr(response, "predict") else response(shares)
        quality = exact + noise * rng.standard_normal(len(shares))
        arm = np.repeat([a for _, a in rows], replicates)
        base = np.where(arm > 0, cells % 5, -1)
        return Observations(("P", "I", "B"), "all", shares, quality, np.ones(len(arm), bool), cells, arm > 0, base)

    return make
