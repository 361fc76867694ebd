import pytest

from cqb_pareto.objectives import fit_quality
from cqb_pareto.pilots import paper_pilots


@pytest.fixture(scope="session")
def paper_quality():
    """Responses over P, I, B, S from the paper's Table 2, with few draws."""
    return fit_quality(paper_pilots(), ("P", "I", "B", "S"), draws=40)
