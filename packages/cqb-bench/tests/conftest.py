import csv

import pytest
import torch

import cqb_bench.registry  # noqa: F401 the entry point of an installed package does this
from cqb_bench.main import main
from cqb_bench.report import COLUMNS
from cqb_core import Labels
from cqb_core.models import UNSAMPLED, Host, ImageLabels, StageView
from cqb_core.testing import calling, drawn, losses_of, mixed_batch, refusing, tiny_network
from cqb_net.pilots.execution import Outcome
from cqb_net.pilots.runs import MEASURED


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("scenes"))


@pytest.fixture
def network():
    """A function from auxiliaries' configs to a tiny network that has them."""
    return lambda *configs, **changes: tiny_network("cqb-net_tiny_scenes", auxiliaries=list(configs), **changes)


@pytest.fixture
def losses(scenes, tmp_path):
    """A function from a network and label set names to all its losses on a batch of as many scenes."""
    return lambda network, *names: losses_of(network, mixed_batch(scenes, names, tmp_path / "labels.json"))


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that calls `cqb-bench` as a shell would and gives exit status, standard output and standard error."""
    return calling("cqb-bench", main, monkeypatch, capsys)


@pytest.fixture
def refused(run):
    """A function that gives the one sentence of a call that must fail."""
    return refusing(run)


class Measured:
    """An executor that trains nothing: every job gives the numbers of `result`; `tried` are the keys in order."""

    slots = 1

    def __init__(self, **result):
        blank = dict.fromkeys(MEASURED, "")
        self.result, self.tried = {**blank, "images": 8, "iterations": 4, "wall_seconds": 1.5, **result}, []

    def run(self, jobs):
        for job in jobs:
            self.tried.append(job.key)
            yield Outcome(job.key, self.result)


@pytest.fixture
def measured():
    """`Measured`, an executor that trains nothing."""
    return Measured


class Bags:
    """Images of regions with a feature that tells what is there: the tagged classes and, mostly, nothing.

    Each image has two of the classes, each on `each` regions that overlap, and background elsewhere.
    """

    num_things, dim, regions, each = 4, 12, 12, 2

    def __init__(self, images=16, seed=0):
        draws = torch.Generator().manual_seed(seed)
        looks = 2 * torch.randn(self.num_things + 1, self.dim, generator=draws)
        pairs = torch.rand(images, self.num_things, generator=draws).argsort(1)[:, :2]
        self.tags = torch.zeros(images, self.num_things, dtype=torch.bool).scatter(1, pairs, True)
        shown = torch.full((images, self.regions), self.num_things)
        shown[:, : 2 * self.each] = pairs.repeat_interleave(self.each, 1)
        self.shown = shown.flatten()
        self.region = looks[self.shown] + 0.7 * torch.randn(len(self.shown), self.dim, generator=draws)
        self.image = torch.arange(images).repeat_interleave(self.regions)
        corner = 20.0 * torch.arange(self.regions)
        corner[: 2 * self.each] = 20.0 * torch.arange(2).repeat_interleave(self.each)
        low = torch.stack([corner, corner], 1).repeat(images, 1)
        low = low + torch.rand(low.shape, generator=draws) * 0.5
        self.boxes = torch.cat([low, low + 10], 1)
        self.host = Host(self.num_things, 2, 1, 1, self.dim, 4, 5, 1)
        self.chance = self.each / self.regions

    def view(self, class_logits, tags=None):
        """A stage that sees the images by their tags only."""
        count = len(self.region)
        tags = self.tags if tags is None else tags
        return StageView(
            stage=0,
            images=[ImageLabels(place, Labels.IMAGE, (200, 200), thing_tags=row) for place, row in enumerate(tags)],
            image_index=self.image,
            boxes=self.boxes,
            feature=self.region[:, :1, None, None],
            region=self.region,
            class_logits=class_logits,
            box_deltas=torch.zeros(count, 4),
            class_targets=torch.full((count,), UNSAMPLED),
            box_targets=torch.zeros(count, 4),
            matched=torch.full((count,), -1),
            mask_logits=lambda rows, frames=None: torch.zeros(len(rows), self.num_things, 28, 28),
            semantic=None,
        )

    def found(self, scores):
        """Share of tags whose best-scoring region shows the class."""
        grid, shown = scores.detach().view(len(self.tags), self.regions, -1), self.shown.view(len(self.tags), -1)
        best = grid.argmax(1)[:, : self.num_things]
        right = shown.gather(1, best) == torch.arange(self.num_things)
        return float(right[self.tags].float().mean())

    def shuffled(self):
        """Tags of other images."""
        return self.tags[torch.randperm(len(self.tags), generator=torch.Generator().manual_seed(1))]


@pytest.fixture(scope="session")
def bags():
    return Bags()


WORTH = {"baseline": 10, "cls2box": 14, "wsddn": 15, "melm": 12, "upper": 20}


@pytest.fixture
def folder(tmp_path):
    """Results of detection at two shares and seeds: WSDDN is above ours at the lower share, below it at the other."""
    with (tmp_path / "bench.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for share, cost in ((0.1, 0.1054), (0.5, 0.503)):
            for name, worth in WORTH.items():
                for seed in (0, 1):
                    value = worth + 2 * seed - (4 if name == "wsddn" and share == 0.5 else 0)
                    row = {"run": f"{name}{share}{seed}", "task": "detection", "method": name, "share": share}
                    more = {"rest": "I", "seed": seed, "cost": cost, "box_ap": value}
                    writer.writerow({**row, **more})
    return tmp_path
