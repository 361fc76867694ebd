from dataclasses import replace

import pytest

from cqb_bench.plot import draw, write_plot
from cqb_bench.results import read_results
from cqb_core import InputError


@pytest.fixture
def results(folder):
    return read_results(folder)


def test_a_curve_a_method_at_its_costs(results):
    [panel] = draw(results).axes
    labels = panel.get_legend_handles_labels()[1]
    assert labels == ["Cls2Box (ours)", "MELM", "WSDDN", "baseline", "upper"]
    assert (panel.get_ylabel(), panel.get_title()) == ("box AP", "detection")
    ours, _, wsddn = (container[0] for container in panel.containers[:3])
    assert ours.get_xydata().tolist() == [[0.1054, 15.0], [0.503, 15.0]]
    assert wsddn.get_xydata().tolist() == [[0.1054, 16.0], [0.503, 12.0]]
    assert ours.get_linewidth() > wsddn.get_linewidth()


def test_whiskers_reach_over_the_seeds(results):
    [panel] = draw(results).axes
    segments = panel.containers[0][2][0].get_segments()
    assert [segment[:, 1].tolist() for segment in segments] == [[14.0, 16.0], [14.0, 16.0]]


def test_no_metric_below_0_is_shown(results):
    none = [replace(each, values=dict.fromkeys(each.values, 0.0)) for each in results["detection"]]
    [panel] = draw({"detection": none}).axes
    assert panel.get_ylim()[0] == 0.0


def test_a_panel_a_task(results):
    figure = draw({**results, "semantic": results["detection"]})
    assert [panel.get_ylabel() for panel in figure.axes] == ["box AP", "mIoU"]


@pytest.mark.parametrize(("name", "begin"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_a_picture_is_written(results, tmp_path, name, begin):
    write_plot(results, tmp_path / "new" / name)
    assert (tmp_path / "new" / name).read_bytes().startswith(begin)
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_another_ending_is_refused(results, tmp_path):
    with pytest.raises(InputError, match=r"plot\.gif: ending: wanted one of \.png, \.svg, \.pdf, got \.gif"):
        write_plot(results, tmp_path / "plot.gif")
