"""Responses: quality as a function of the shares of labels, for things, stuff or all classes."""

from cqb_pareto.responses.bands import BranchResponse, respond
from cqb_pareto.responses.choose import FAMILIES, Errors, rank
from cqb_pareto.responses.family import Family, Response
from cqb_pareto.responses.observations import Observations, observe

__all__ = ["FAMILIES", "BranchResponse", "Errors", "Family", "Observations", "Response", "observe", "rank", "respond"]
