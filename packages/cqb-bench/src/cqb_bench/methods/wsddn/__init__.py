"""WSDDN: two streams over regions, one over classes and one over proposals, learn from image tags."""

from functools import partial

from cqb_bench.method import Method, with_auxiliary
from cqb_core import Labels

METHOD = Method(
    name="wsddn",
    title="WSDDN",
    task="detection",
    rest=Labels.IMAGE,
    source="Bilen, Vedaldi: Weakly Supervised Deep Detection Networks, CVPR 2016",
    configure=partial(with_auxiliary, kind="WSDDN"),
    registers=("cqb_bench.methods.wsddn.auxiliary",),
)
