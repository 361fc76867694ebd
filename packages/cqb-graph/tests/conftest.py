"""Drawn inputs that several tests share."""

import json
import os
import runpy
from dataclasses import dataclass, replace
from pathlib import Path

import jaxtyping
import pytest
import torch
import torch.nn.functional as F

from cqb_graph import GraphOptions, RelationReasoning

REFERENCE = Path(os.environ.get("CQB_DATA", Path(__file__).parents[3].parent / "shared" / "data")).parent / "reference"
REGION, CHANNELS, THINGS, STUFF = 7, 5, 3, 4


@dataclass(frozen=True)
class Inputs:
    """Arguments of a module's pass."""

    region_features: torch.Tensor
    image_index: torch.Tensor
    stuff_feature: torch.Tensor
    stuff_logits: torch.Tensor
    valid: torch.Tensor | None = None

    @property
    def all(self):
        return (self.region_features, self.image_index, self.stuff_feature, self.stuff_logits, self.valid)

    def having(self, **changes):
        return replace(self, **changes)


@pytest.fixture
def as_installed(monkeypatch):
    """Without the tests' own shape checks, so that a user's message is seen."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session")
def draw():
    """A function that draws the inputs of images with so many regions each."""

    def inputs(*regions, seed=0, size=(3, 4), dtype=torch.float32, dims=(REGION, CHANNELS, STUFF)):
        generator = torch.Generator().manual_seed(seed)
        region_dim, channels, stuff = dims

        def normal(*shape):
            return torch.randn(*shape, generator=generator, dtype=dtype)

        index = torch.arange(len(regions)).repeat_interleave(torch.tensor(regions, dtype=torch.long))
        shape = (len(regions), channels, *size)
        return Inputs(normal(len(index), region_dim), index, normal(*shape), normal(shape[0], stuff, *size))

    return inputs


@pytest.fixture(scope="session")
def build():
    """A function that builds a small module in evaluation mode, its predictors large enough to be felt."""

    def module(options=None, layers=2, seed=0, dtype=torch.float32, node_dim=8, **more):
        torch.manual_seed(seed)
        made = RelationReasoning(
            REGION, CHANNELS, THINGS, STUFF, node_dim=node_dim, layers=layers, options=options or GraphOptions(), **more
        )
        for layer in (made.predictor.classify, made.predictor.regress, made.predictor.segment):
            torch.nn.init.normal_(layer.weight, std=0.3)
            torch.nn.init.normal_(layer.bias, std=0.3)
        return made.to(dtype).eval()

    return module


@pytest.fixture(scope="session")
def reference():
    """Inputs and numbers of the public code, and a function that fills weights as they were filled."""
    if not (REFERENCE / "oracles.json").is_file():
        pytest.skip("no oracles.json: set CQB_DATA to the data folder beside the reference folder")
    drawn = runpy.run_path(str(REFERENCE / "oracle_inputs.py"))
    numbers = json.loads((REFERENCE / "oracles.json").read_text())["oracles"]["bgr_graph_connection"]["result"]
    inputs = {name: torch.from_numpy(value) for name, value in drawn["graph_inputs"]().items()}
    return inputs, numbers, lambda shape, seed: torch.from_numpy(drawn["fill"](shape, seed))


@pytest.fixture(scope="session")
def planted():
    """A function that draws images in which a thing's looks leave two classes open and the stuff around it decides."""

    def images(generator, count, faithful=0.9, shuffled=False, pairs=4, scenes=4, regions=6, side=6):
        def pick(high, size):
            return torch.randint(high, (size,), generator=generator)

        scene, index = pick(scenes, count), torch.arange(count).repeat_interleave(regions)
        looks = pick(pairs, len(index))
        decides = (pick(scenes, count) if shuffled else scene)[index]
        told = torch.rand(len(index), generator=generator) < faithful
        # Which of the two it is depends on looks and surroundings together, on neither of them alone.
        variant = torch.where(told, (looks + decides) % 2, pick(2, len(index)))
        features = F.one_hot(looks, 12).float() + 0.15 * torch.randn(len(index), 12, generator=generator)
        surroundings = torch.randn(count, 8, side, side, generator=generator) * 0.3
        surroundings[:, :, : side // 2] += 2 * torch.eye(8)[scene][:, :, None, None]
        logits = torch.randn(count, scenes, side, side, generator=generator)
        logits[torch.arange(count), scene, : side // 2] += 4
        return Inputs(features, index, surroundings, logits), 2 * looks + variant

    return images
