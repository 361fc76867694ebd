"""What tests of networks, auxiliaries and commands share."""

from cqb_core.testing.commands import Call, calling, refusing
from cqb_core.testing.networks import (
    HERE,
    SIZE,
    WIDTHS,
    drawn,
    losses_of,
    mixed_batch,
    tiny_model,
    tiny_network,
    train_set,
    write_labels,
)

__all__ = [
    "HERE",
    "SIZE",
    "WIDTHS",
    "Call",
    "calling",
    "drawn",
    "losses_of",
    "mixed_batch",
    "refusing",
    "tiny_model",
    "tiny_network",
    "train_set",
    "write_labels",
]
