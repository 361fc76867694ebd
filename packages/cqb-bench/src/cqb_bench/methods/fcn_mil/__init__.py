"""FCN-MIL: the surest pixel of every present class learns that it is of this class (Pathak et al. 2015)."""

from functools import partial

from cqb_bench.method import Method, with_auxiliary
from cqb_core import Labels

METHOD = Method(
    name="fcn-mil",
    title="FCN-MIL",
    task="semantic",
    rest=Labels.IMAGE,
    source=(
        "Pathak, Shelhamer, Long, Darrell: Fully Convolutional Multi-Class Multiple Instance Learning, "
        "ICLR workshop 2015"
    ),
    configure=partial(with_auxiliary, kind="FcnMil"),
    registers=("cqb_bench.methods.fcn_mil.auxiliary",),
)
