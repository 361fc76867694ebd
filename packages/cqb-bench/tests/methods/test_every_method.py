"""What the harness expects of any method, whoever adds it."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import DefaultScope

import cqb_bench.methods
from cqb_bench.catalogue import methods
from cqb_bench.tasks import TASKS
from cqb_core import Labels
from cqb_core.testing import WIDTHS, losses_of, mixed_batch
from cqb_core.training.config import override
from cqb_net.pilots.pilot import Recipe

EVERY = pytest.mark.parametrize("method", methods(), ids=lambda method: method.name)


@pytest.fixture(scope="module")
def bare():
    return Recipe.of("cqb-net_tiny_scenes", 1).with_modules(())


def built(content):
    config = Config(copy.deepcopy(content))
    override(config, WIDTHS)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmdet"):
        return MODELS.build(config.model).train()


@EVERY
def test_the_config_that_it_is_given_stays_as_it_is(method, bare):
    given = copy.deepcopy(bare)
    made = method.configure(given)
    assert given == bare
    assert made != bare


@EVERY
def test_it_trains_on_full_labels_beside_its_own(method, bare, scenes, tmp_path):
    network = built(method.configure(bare))
    losses = losses_of(network, mixed_batch(scenes, ["P", method.rest.short], tmp_path / "labels.json"))
    total = sum(value for name, value in losses.items() if "loss" in name)
    assert torch.isfinite(total)
    total.backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


@EVERY
def test_it_says_what_it_is_and_where_it_comes_from(method):
    folder = Path(cqb_bench.methods.__file__).parent / method.name.replace("-", "_")
    page = (folder / "README.md").read_text()
    assert page.startswith("# ")
    assert method.title in page.splitlines()[0]
    assert method.source.partition(",")[0] in page
    assert method.source.rstrip(".")[-4:].isdigit()
    assert method.task in TASKS
    assert method.rest in (Labels.IMAGE, Labels.BOX)


def test_each_task_has_one_method_of_ours():
    assert sorted(method.task for method in methods() if method.ours) == sorted(TASKS)


def test_listing_them_imports_no_torch():
    code = "import sys; from cqb_bench.catalogue import methods; methods(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
