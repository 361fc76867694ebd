"""CAM: activation maps of a tag classifier become pseudo labels of stuff (Zhou et al. 2016)."""

from functools import partial

from cqb_bench.method import Method, with_auxiliary
from cqb_core import Labels

METHOD = Method(
    name="cam",
    title="CAM",
    task="semantic",
    rest=Labels.IMAGE,
    source=(
        "Zhou, Khosla, Lapedriza, Oliva, Torralba: Learning Deep Features for Discriminative Localization, CVPR 2016"
    ),
    configure=partial(with_auxiliary, kind="Cam"),
    registers=("cqb_bench.methods.cam.auxiliary",),
)
