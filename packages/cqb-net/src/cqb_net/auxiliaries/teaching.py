"""How much of a module's gradient reaches the features that it reads, which are the network's own."""

from torch import Tensor

from cqb_core import InputError


class Teaching:
    """The features, as they are, with a share of their gradient.

    A module that learns something else than the network does, or much louder, pulls the features that both read its
    way. Where nothing is left of its gradient it learns from them and leaves them as they are.

    Args:
        share: from 0 to 1.

    Raises:
        InputError: another share.
    """

    def __init__(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise InputError("config", "teaches_host", "a share from 0 to 1", share)
        self.share = share

    def __call__(self, feature: Tensor) -> Tensor:
        """The feature, which gets the share of its gradient."""
        if self.share == 1:
            return feature
        return feature.detach() if self.share == 0 else feature.detach().lerp(feature, self.share)
