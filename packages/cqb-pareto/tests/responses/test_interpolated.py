import numpy as np
import pytest

from cqb_pareto.responses.interpolated import interpolated


def test_between_pilots_and_between_kinds_by_hand(drawn):
    """PQ 10 + 20 p alone, 4 (1 - p) more with I and 8 (1 - p) with B: halves of the rest gain half of each."""
    seen = drawn(lambda x: 10 + 20 * x[:, 0] + 4 * x[:, 1] + 8 * x[:, 2])
    shares = np.array([[0.3, 0.7, 0.0], [0.3, 0.35, 0.35], [0.07, 0.0, 0.0], [0.7, 0.0, 0.3]])
    assert interpolated(seen, shares) == pytest.approx([18.8, 20.2, 11.4, 26.4])
