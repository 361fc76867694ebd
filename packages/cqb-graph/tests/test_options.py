import pytest

from cqb_graph import options


def test_positive():
    options.positive(size=1)
    with pytest.raises(ValueError, match="sizes: wanted a positive integer, got -2"):
        options.positive(size=1, sizes=-2)
