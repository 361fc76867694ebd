"""Gaussian sums over pixels in any feature space: exactly, or in linear time through the permutohedral lattice."""

from cqb_weak.permutohedral.exact import ExactGaussian, gaussian_sum
from cqb_weak.permutohedral.lattice import Lattice

__all__ = ["ExactGaussian", "Lattice", "gaussian_sum"]
