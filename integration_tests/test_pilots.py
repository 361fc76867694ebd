"""Pilots, trained in earnest on a few drawn scenes, and read by cqb-pareto."""

import csv
import shutil

from cqb_core.testing import drawn
from cqb_net.pilots import LocalProcesses, run_pilots
from cqb_pareto import read_pilots

DESIGN = "full,rest,share,variant,seed,pq_th,pq_st,value\nP,I,0.5,module,0,,,0.1\nP,none,0.5,baseline,0,,,0\n"


def test_two_pilots_of_a_design_are_trained_scored_and_read(tiny, tmp_path):
    data, out, design = drawn(tmp_path / "scenes"), tmp_path / "pilots", tmp_path / "design.csv"
    design.write_text(DESIGN)
    options = {
        **{key: value for key, value in tiny.items() if not key.startswith("train_cfg.")},
        "model.backbone": {**tiny["model.backbone"], "norm_eval": True},
        "model.auxiliaries.3.warm_up": 8,
        "model.train_cfg.rpn_proposal.max_per_img": 20,
        "model.test_cfg.rpn.max_per_img": 10,
        "model.test_cfg.panoptic.stuff_area_limit": 1,
        "optim_wrapper.optimizer.lr": 0.004,
        "param_scheduler.0.end": 4,
        "train_dataloader.batch_size": 2,
    }

    def sweep():
        more = {"allow_unseen": True, "progress": False, "epochs": 8, "options": options}
        return run_pilots(data, "cqb-net_tiny_scenes", out, design=design, executor=LocalProcesses(1), **more)

    table = sweep()
    failures = out / "failures.csv"
    assert not failures.exists(), failures.read_text()
    pilots = read_pilots(table)
    assert [(run.rest, run.variant, run.images) for run in pilots.runs] == [("none", "baseline", 8), ("I", "module", 8)]
    assert max(run.quality("stuff") for run in pilots.runs) > 1

    with (out / "runs.csv").open() as file:
        runs = list(csv.DictReader(file))
    assert [run["modules"] for run in runs] == ["", "Cls2Box+Cls2Pixel"]
    assert {run["iterations"] for run in runs} == {"32"}
    assert {run["val_images"] for run in runs} == {"3"}
    for run in runs:
        curve = list(csv.DictReader((out / run["curve"]).open()))
        assert curve[-1]["step"] == "32"
        assert ("cls2pixel.loss_cls" in " ".join(curve[0])) == bool(run["modules"])
    assert not list(out.rglob("*.pth"))

    # Nothing is trained again, and tables that were lost come back from the results.
    before = table.read_text(), (out / "runs.csv").read_text()
    (out / "runs.csv").unlink()
    table.unlink()
    for training in out.glob("runs/*/training"):
        shutil.rmtree(training)
    assert sweep() == table
    assert (table.read_text(), (out / "runs.csv").read_text()) == before
    assert not list(out.glob("runs/*/training"))
