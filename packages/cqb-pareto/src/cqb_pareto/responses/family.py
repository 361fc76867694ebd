"""What a response family is: a fit of quality on shares, many data sets at once.

Bootstraps and leave-one-out refit the same runs hundreds of times with other qualities or weights, so a fit takes a
batch of b data sets and gives b responses.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cqb_pareto.responses.observations import Observations


@runtime_checkable
class Response(Protocol):
    """b fitted responses of one branch."""

    def predict(self, shares: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "b r"]:
        """PQ in points at each allocation; not limited to 0..100."""
        ...


@runtime_checkable
class Family(Protocol):
    """One form of response."""

    @property
    def name(self) -> str:
        """What it is called in tables and options."""
        ...

    @property
    def parameters(self) -> int:
        """Fitted numbers besides one for each weak kind."""
        ...

    def fit(
        self,
        seen: Observations,
        quality: Float[np.ndarray, "b n"],
        weights: Float[np.ndarray, "b n"],
        rng: np.random.Generator | None = None,
    ) -> Response:
        """Fit each row of `quality` under its row of `weights` (0 leaves a run out).

        Args:
            seen: the runs; its own `quality` is not read.
            quality: PQ in points.
            weights: >= 0.
            rng: given for bootstrap draws; a family with prior beliefs then draws these too.
        """
        ...
