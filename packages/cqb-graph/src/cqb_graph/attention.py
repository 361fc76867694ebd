"""Graph attention on a fully connected graph (Velickovic et al. 2018) in its split form.

The score of an edge is LeakyReLU(a . [W x_i, W x_j]) = LeakyReLU(a_receive . W x_i + a_send . W x_j): two numbers a
node, so the (nodes x nodes x 2 width) tensor of the concatenated form is never made. What is made is one score an edge
and head.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cqb_graph.options import positive


def widened(tensor: Tensor) -> Tensor:
    """The tensor in float32 where it has half the precision, else as it is: sums over many terms need it."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def edge_weights(
    receive: Float[Tensor, "*batch n"], send: Float[Tensor, "*batch n"], slope: float, present: Bool[Tensor, "*batch n"]
) -> Float[Tensor, "*batch n n"]:
    """Softmax over the senders j of LeakyReLU(receive_i + send_j).

    Args:
        receive: what a node adds to the scores of the edges that end in it.
        send: what it adds to those that begin in it.
        slope: of LeakyReLU below zero, positive.
        present: which nodes send. The weight of an absent sender is exactly zero and so is its gradient; where no
            node sends, the weights are uniform.
    """
    receive, send = widened(receive), widened(send)
    # Half of the lowest number, so that adding a finite score to it cannot overflow.
    send = send.masked_fill(~present, torch.finfo(send.dtype).min / 2)
    return F.leaky_relu(receive[..., :, None] + send[..., None, :], slope).softmax(dim=-1)


class GraphAttention(nn.Module):
    """One attention layer between all nodes of a graph, each with itself as well; heads are concatenated, then ELU.

    Args:
        in_dim: length of a node.
        out_dim: length of a new node, a multiple of `heads`.
        heads: attention heads.
        slope: of LeakyReLU in the scores; 0.4 as in the public stand-in of the paper's module.
        dropout: on nodes and edge weights while training.
    """

    def __init__(self, in_dim: int, out_dim: int, heads: int = 1, slope: float = 0.4, dropout: float = 0.0) -> None:
        super().__init__()
        positive(in_dim=in_dim, out_dim=out_dim, heads=heads)
        if out_dim % heads:
            raise ValueError(f"heads: wanted a divisor of the width {out_dim}, got {heads}")
        if not 0 < slope <= 1:
            raise ValueError(f"slope: wanted a number above 0, at most 1, got {slope}")
        self.heads, self.slope, self.dropout = heads, slope, dropout
        self.transform = nn.Linear(in_dim, out_dim, bias=False)
        self.receive = nn.Parameter(torch.empty(heads, out_dim // heads))
        self.send = nn.Parameter(torch.empty(heads, out_dim // heads))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform with variance 1 / fan-in; the scoring vector counts as one of twice the head's width."""
        nn.init.kaiming_uniform_(self.transform.weight, a=1)
        bound = (3 / (2 * self.receive.shape[1])) ** 0.5
        nn.init.uniform_(self.receive, -bound, bound)
        nn.init.uniform_(self.send, -bound, bound)

    def forward(
        self, nodes: Float[Tensor, "b n c"], present: Bool[Tensor, "b n"]
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b k n n"]]:
        """New nodes, and the edge weights of every head (`b head receiver sender`) before dropout.

        Args:
            nodes: of b graphs, padded to one number of nodes.
            present: which nodes are no padding; nothing flows from the others.
        """
        nodes = F.dropout(nodes, self.dropout, self.training)
        hidden = self.transform(nodes).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        receive = (hidden * self.receive[:, None]).sum(-1)
        send = (hidden * self.send[:, None]).sum(-1)
        weights = edge_weights(receive, send, self.slope, present[:, None].expand_as(send))
        kept = F.dropout(weights, self.dropout, self.training)
        gathered = kept.to(hidden.dtype) @ hidden
        return F.elu(gathered.transpose(1, 2).flatten(2)), weights
