from pathlib import Path

from cqb_core import Labels
from cqb_net.study.page import trial_table, write_page
from cqb_net.study.trials import Trial, TrialScore
from cqb_pareto import named_prices, paper_pilots, study


def score(name, seed, pq, labels=Labels.PANOPTIC):
    result = {"pq": pq, "pq_th": pq - 1, "pq_st": ""}
    return TrialScore(Trial(name, {labels: 0.25, Labels(0): 0.75}, seed), 0.25, result, Path("x"))


def test_an_allocation_is_one_row_with_the_mean_of_its_seeds_best_first():
    table = trial_table([score("planned", 0, 20.0), score("<b>", 0, 41.0), score("planned", 1, 30.0)])
    first, second = table.split("<tbody>")[1].split("</tr>")[:2]
    assert "<td>&lt;b&gt;</td>" in first
    assert "<td>41.0</td><td>40.0</td><td>-</td>" in first
    assert second.startswith('<tr class="planned"><td>planned</td>')
    assert "P 25.0%, none 75.0%" in second
    assert "<td>0.250</td><td>25.0</td><td>24.0</td><td>-</td>" in second


def test_the_page_links_to_what_lies_beside_it(tmp_path):
    made = study(paper_pilots(), named_prices("paper-text"), budget=0.3, images=100, draws=20)
    page = write_page(made, [score("planned", 0, 20.0)], tmp_path).read_text()
    for name in ("plan.html", "plan.json", "labels.json", "worklist/", "pilots/pilots.csv", "trials/trials.csv"):
        assert f'href="{name}"' in page
    assert 'src="predictions.png"' in page
    assert "PQ is of one seed, and another may order them otherwise." in page
    page = write_page(made, [score("planned", seed, 20.0) for seed in (0, 1)], tmp_path).read_text()
    assert "PQ is the mean over 2 seeds." in page
