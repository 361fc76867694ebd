"""Training on mmengine's Runner."""

from cqb_core.training.config import config_names, load_config, parse_options
from cqb_core.training.finite_loss import NonFiniteLossError
from cqb_core.training.run import last_checkpoint, train

__all__ = ["NonFiniteLossError", "config_names", "last_checkpoint", "load_config", "parse_options", "train"]
