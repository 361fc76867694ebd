import csv
import json

import pytest

from cqb_core import InputError, Labels
from cqb_core.files import write_text
from cqb_net.pilots.execution import Outcome
from cqb_net.pilots.pilot import Recipe
from cqb_net.study import Trial, run_trials
from cqb_net.study.rivals import cost_of
from cqb_net.study.run import trials_of
from cqb_pareto import named_prices

PRICES = named_prices("paper-text")
MIXED = {Labels.PANOPTIC: 0.5, Labels.BOX: 0.5}


class Pretended:
    """An executor that writes results instead of training: PQ is 10 times the seed, and some trials fail."""

    slots = 2

    def __init__(self, failing=()):
        self.failing, self.ran = failing, []

    def run(self, jobs):
        for job in jobs:
            pilot, _, folder, keep = job.call.args
            assert keep
            self.ran.append(pilot)
            if pilot.seed in self.failing:
                yield Outcome(job.key, error="out of luck")
                continue
            value = {"pq": 10.0 * pilot.seed, "pq_th": 1.0, "pq_st": 2.0, "iterations": 5, "images": 8}
            folder.mkdir(parents=True)
            write_text(folder / "result.json", json.dumps(value))
            yield Outcome(job.key, value, seconds=1.0)


@pytest.fixture
def recipe():
    return Recipe.of("cqb-net_tiny_scenes", 1)


def run(trials, scenes, recipe, out, executor, **options):
    return run_trials(trials, scenes, recipe, out, executor, PRICES, progress=False, **options)


def test_trials_are_scored_with_every_module_on_and_written(scenes, recipe, tmp_path):
    executor = Pretended()
    trials = [Trial("planned", MIXED, seed) for seed in (1, 2)]
    scores = run(trials, scenes, recipe, tmp_path, executor)
    assert [score.pq for score in scores] == [10, 20]
    assert scores[0].cost == pytest.approx(0.515, abs=1e-3)
    assert executor.ran[0].modules == ("Cls2Box", "Box2Mask", "Relation", "Cls2Pixel")
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["seed"], row["pq"], row["allocation"]) for row in rows] == [
        ("planned", "1", "10.0", "P=0.5 B=0.5"),
        ("planned", "2", "20.0", "P=0.5 B=0.5"),
    ]


def test_what_is_done_is_not_done_again(scenes, recipe, tmp_path):
    run([Trial("planned", MIXED, 1)], scenes, recipe, tmp_path, Pretended())
    executor = Pretended()
    run([Trial("planned", MIXED, 1), Trial("planned", MIXED, 2)], scenes, recipe, tmp_path, executor)
    assert [pilot.seed for pilot in executor.ran] == [2]


def test_scores_of_another_folder_are_taken_over(scenes, recipe, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    run([Trial("planned", MIXED, seed) for seed in (1, 2)], scenes, recipe, old, Pretended())
    executor, trials = Pretended(), [Trial("again", MIXED, seed) for seed in (1, 3)]
    scores = run(trials, scenes, recipe, new, executor, reuse=[old / "trials.csv"])
    assert [pilot.seed for pilot in executor.ran] == [3]
    assert [score.pq for score in scores] == [10, 30]
    with (new / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["pq"], row["iterations"]) for row in rows] == [
        ("again", "10.0", "5"),
        ("again", "30.0", "5"),
    ]
    text = (old / "trials.csv").read_text()
    (old / "trials.csv").write_text(text.replace("10.0", "ten"))
    with pytest.raises(InputError, match="trials.csv: row 1: wanted numbers, got could not convert"):
        run(trials, scenes, recipe, tmp_path / "third", Pretended(), reuse=[old / "trials.csv"])


def test_a_failure_is_told_when_the_others_are_done(scenes, recipe, tmp_path):
    executor = Pretended(failing=(1,))
    trials = [Trial("planned", MIXED, seed) for seed in (1, 2)]
    with pytest.raises(InputError, match=r"planned, seed 1 \(P 0\.5, B 0\.5\): wanted a training that ends, got out"):
        run(trials, scenes, recipe, tmp_path, executor)
    retried = Pretended()
    run(trials, scenes, recipe, tmp_path, retried)
    assert [pilot.seed for pilot in retried.ran] == [1]


def test_the_plan_and_its_rivals_cost_the_same():
    trials = trials_of(MIXED, list(MIXED), PRICES, rivals=2, seeds=2, seed=0)
    assert [(trial.name, trial.seed) for trial in trials] == [
        (name, seed) for seed in (0, 1) for name in ("planned", "all panoptic", "random 1", "random 2")
    ]
    assert {round(cost_of(trial.allocation, PRICES), 9) for trial in trials} == {round(cost_of(MIXED, PRICES), 9)}
    assert [trial.name for trial in trials_of(MIXED, list(MIXED), PRICES, 0, 1, 0)] == ["planned"]


def test_no_seed():
    with pytest.raises(InputError, match="1 or more seeds, 0 or more rivals, got 0, 1"):
        trials_of(MIXED, list(MIXED), PRICES, rivals=1, seeds=0, seed=0)
