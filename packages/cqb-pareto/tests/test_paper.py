import numpy as np
import pytest

from cqb_pareto.paper import (
    costs,
    equation8,
    equation9,
    gains,
    highest,
    predictions,
    rankings,
    spearman,
    table1,
    undominated,
)


def test_the_cost_column_comes_out_with_boxes_at_030():
    off = np.abs(costs("paper-table1") - table1().f2)
    assert (off <= 0.0012).sum() == 13
    assert table1().names[int(off.argmax())] == "R7"
    assert off.max() == pytest.approx(0.003, abs=5e-4)


def test_the_cost_column_does_not_come_out_with_the_stated_price():
    assert (np.abs(costs("paper-text") - table1().f2) > 0.01).all()


def test_under_the_stated_prices_o3_dominates_o1_and_o2():
    names, stays, cost = table1().names, undominated("paper-text"), costs("paper-text")
    assert [n for n, o, s in zip(names, table1().optimal, stays, strict=True) if o and not s] == ["O1", "O2"]
    assert cost[[0, 1, 2, 5]] == pytest.approx([0.164, 0.216, 0.153, 0.345], abs=5e-4)
    assert 1 / cost[5] == pytest.approx(2.9, abs=0.05)


def test_with_boxes_at_030_no_o_row_is_dominated():
    assert undominated("paper-table1").sum() == 7


def test_f1_ranks_the_13_rows_with_068():
    table = table1()
    rows = ~np.isnan(table.f1)
    assert rows.sum() == 13
    assert spearman(table.f1[rows], table.pq[rows]) == pytest.approx(0.68, abs=0.005)


def test_spearman_with_ties_is_scipys():
    from scipy.stats import spearmanr

    a, b = np.random.default_rng(0).integers(0, 5, (2, 30)).astype(float)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)


def test_equation_8_is_as_printed_and_does_not_give_f1():
    lines = equation8()
    assert [(kind, branch) for kind, branch, _ in lines] == [
        ("P", "things"),
        ("P", "stuff"),
        ("B", "things"),
        ("B", "stuff"),
        ("S", "things"),
        ("S", "stuff"),
        ("B", "stuff"),
    ]
    assert lines[0][2] == (0.3101, -1.407, 2.420, -1.439)
    for reading in ("evaluated", "integrated"):
        assert np.nanmax(np.abs(equation9(reading) - table1().f1)) > 0.5


def test_gains_of_table_2():
    found = {(g.module, g.share): g for g in gains()}
    assert len(found) == 15
    assert [round(found["Cls2Box", share].gain, 3) for share in (0.1, 0.3, 0.5)] == [0.097, 0.031, 0.020]
    for gain in found.values():
        assert gain.costs == pytest.approx(gain.printed, abs=0.01)


def test_predictions_order_each_group():
    ranked = {score.model: score for score in rankings()}
    assert set(predictions()) <= set(ranked)
    for family in ("power", "log", "log-additive", "cubic"):
        assert ranked[family].optimal > 0.9
        assert ranked[family].chance > 0.9
    assert ranked["f1 as printed"].all13 == max(score.all13 for score in ranked.values())


def test_no_prediction_that_rises_with_labels_exceeds_the_highest():
    bound, scores = highest(), {score.model: score for score in rankings()}
    for model in ("power", "log", "diminishing", "automatic", "interpolated"):
        assert scores[model].all13 <= bound.all13
        assert scores[model].all14 <= bound.all14
    assert bound.all13 < scores["f1 as printed"].all13
