import pytest

from cqb_core.testing import losses_of, mixed_batch, tiny_network


@pytest.fixture
def network():
    """A function from auxiliaries' configs to a tiny network that has them."""
    return lambda *configs, **changes: tiny_network("cqb-net_tiny_scenes", auxiliaries=list(configs), **changes)


@pytest.fixture
def losses(scenes, tmp_path):
    """A function from a network and label set names to the auxiliaries' losses on a batch of as many scenes."""

    def compute(network, *names):
        made = losses_of(network, mixed_batch(scenes, names, tmp_path / "labels.json"))
        ours = ("cls2box.", "box2mask.", "relation.", "cls2pixel.")
        return {name: value for name, value in made.items() if any(word in name for word in ours)}

    return compute
