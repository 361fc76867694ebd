"""Image tags judge the sum over proposals of two softmaxes (Bilen and Vedaldi 2016, Sec. 3.3 and 3.4)."""

from typing import ClassVar

from mmdet.registry import MODELS
from torch import Tensor, nn

from cqb_bench.tagged import tagged_regions
from cqb_core import Labels
from cqb_core.models import Host, StageAuxiliary, StageView
from cqb_weak.cls2box import Cls2BoxLoss

STREAMS = ("detector", "own")


@MODELS.register_module()
class WSDDN(StageAuxiliary):
    """Learns from the thing tags of images without boxes.

    Args:
        host: the network.
        class_stream: `detector` lets the detector's classifier, without its background column, be the class stream, so
            that tags teach what detects at test; `own` has another linear map, and tags then teach the features only.
        reduction: over classes, `mean` or `sum`.
        temperature: of the softmax over proposals.

    Raises:
        ValueError: naming the argument that is out of its range.
    """

    name: ClassVar[str] = "wsddn"
    needs: ClassVar[Labels] = Labels.IMAGE
    absent: ClassVar[Labels] = Labels.BOX

    def __init__(
        self, host: Host, class_stream: str = "detector", reduction: str = "mean", temperature: float = 1.0
    ) -> None:
        super().__init__()
        if class_stream not in STREAMS:
            raise ValueError(f"class_stream: wanted one of {', '.join(STREAMS)}, got {class_stream!r}")
        self.criterion = Cls2BoxLoss(reduction=reduction, temperature=temperature, coupling="none")
        self.proposals = _stream(host)
        self.classes = _stream(host) if class_stream == "own" else None
        self.num_things = host.num_things

    def loss(self, view: StageView) -> dict[str, Tensor]:
        """`loss_tags`."""
        rows, image, tags = tagged_regions(view, self.asks_for, self.num_things)
        region = view.region[rows]
        class_logits = view.class_logits[rows, :-1] if self.classes is None else self.classes(region)
        terms = self.criterion(class_logits, self.proposals(region), image, tags)
        return {"loss_tags": terms["loss_cls2box"]}


def _stream(host: Host) -> nn.Linear:
    """A linear map to the thing classes that starts from even scores."""
    made = nn.Linear(host.region_dim, host.num_things)
    nn.init.normal_(made.weight, std=0.01)
    nn.init.zeros_(made.bias)
    return made
