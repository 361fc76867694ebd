"""From pilot results and prices to the labels worth buying.

Everything that a script needs is here; `cqb_pareto.problem` (pymoo) and `cqb_pareto.report` (plotly) are imported on
their own, so that this import stays light.
"""

from cqb_pareto.design import Proposal, first_design, next_pilots
from cqb_pareto.errors import InputError
from cqb_pareto.evaluated import Evaluated
from cqb_pareto.front import best_under, cheapest_reaching, front_order, hypervolume, knee, nondominated
from cqb_pareto.measured import read_times
from cqb_pareto.objectives import ClassWeights, Objectives, QualityModel, cost_of, fit_quality
from cqb_pareto.pilots import Pilots, paper_pilots, read_pilots
from cqb_pareto.plan import Plan
from cqb_pareto.plan_file import read_plan, write_plan
from cqb_pareto.prices import Price, PriceList, Span, load_prices, named_prices, read_prices
from cqb_pareto.registry import Published, published_times
from cqb_pareto.simplex import Bounds, lattice, project, sample_sobol, sample_uniform
from cqb_pareto.solvers import solve
from cqb_pareto.study import Study, plan, study

__all__ = [
    "Bounds",
    "ClassWeights",
    "Evaluated",
    "InputError",
    "Objectives",
    "Pilots",
    "Plan",
    "Price",
    "PriceList",
    "Proposal",
    "Published",
    "QualityModel",
    "Span",
    "Study",
    "best_under",
    "cheapest_reaching",
    "cost_of",
    "first_design",
    "fit_quality",
    "front_order",
    "hypervolume",
    "knee",
    "lattice",
    "load_prices",
    "named_prices",
    "next_pilots",
    "nondominated",
    "paper_pilots",
    "plan",
    "project",
    "published_times",
    "read_pilots",
    "read_plan",
    "read_prices",
    "read_times",
    "sample_sobol",
    "sample_uniform",
    "solve",
    "study",
    "write_plan",
]
