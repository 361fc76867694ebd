"""MELM: cliques of overlapping proposals discover objects, localisation branches learn their boxes."""

from functools import partial

from cqb_bench.method import Method, with_auxiliary
from cqb_core import Labels

METHOD = Method(
    name="melm",
    title="MELM",
    task="detection",
    rest=Labels.IMAGE,
    source="Wan, Wei, Jiao, Han, Ye: Min-Entropy Latent Model for Weakly Supervised Object Detection, CVPR 2018",
    configure=partial(with_auxiliary, kind="MELM"),
    registers=("cqb_bench.methods.melm.auxiliary",),
)
