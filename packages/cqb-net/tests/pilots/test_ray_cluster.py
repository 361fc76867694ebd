"""A Ray cluster of two nodes, each a raylet of its own on this machine."""

import importlib.util
import signal
import sys
import types
from contextlib import closing
from functools import partial

import pytest

from cqb_core import InputError
from cqb_net.pilots.execution import Job
from cqb_net.pilots.ray_cluster import RayCluster

with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra: cqb-net[ray]")


@pytest.fixture(scope="module")
def cluster():
    """Two nodes with a core each, and the executor that speaks to them."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = made.add_node(num_cpus=1)
    yield made, second, RayCluster(made.address)
    ray.shutdown()
    made.shutdown()


@with_ray
def test_jobs_run_on_both_nodes_and_a_crash_is_one_jobs_own(cluster):
    executor = cluster[2]
    assert executor.slots == 2
    where = "[__import__('time').sleep(1), __import__('os').getppid()][1]"
    jobs = [
        *(Job(str(number), partial(eval, where, {})) for number in range(4)),
        Job("killed", partial(signal.raise_signal, signal.SIGKILL)),
        Job("wrong", partial(int, "x")),
        Job("hangs", partial(eval, "__import__('time').sleep(60)", {}), limit=2.0),
    ]
    outcomes = {outcome.key: outcome for outcome in executor.run(jobs)}
    assert outcomes.keys() == {job.key for job in jobs}
    assert len({outcomes[str(number)].value for number in range(4)}) >= 2
    assert (outcomes["killed"].lost, outcomes["killed"].error) == (True, "killed by SIGKILL")
    assert outcomes["wrong"].error.startswith("ValueError: invalid literal")
    assert outcomes["hangs"].error == "stopped after the limit of 2.0 s"


@with_ray
def test_closing_stops_what_runs(cluster):
    jobs = [
        Job("quick", partial(sum, (1,))),
        *(Job(str(n), partial(eval, "__import__('time').sleep(60)", {})) for n in "ab"),
    ]
    with closing(cluster[2].run(jobs)) as outcomes:
        assert next(outcomes).key == "quick"
    assert [outcome.value for outcome in cluster[2].run([Job("next", partial(sum, (2, 3)))])] == [5]


@with_ray
def test_a_node_that_is_killed_loses_its_job_and_no_other(cluster):
    made, second, executor = cluster
    jobs = [Job(str(number), partial(eval, "__import__('time').sleep(3)", {})) for number in range(4)]
    outcomes = []
    for outcome in executor.run(jobs):
        if not outcomes:
            made.remove_node(second, allow_graceful=False)
        outcomes.append(outcome)
    assert sorted(outcome.key for outcome in outcomes) == ["0", "1", "2", "3"]
    lost = [outcome for outcome in outcomes if outcome.lost]
    assert len(lost) <= 1
    assert all(not outcome.error for outcome in outcomes if not outcome.lost)
    assert [outcome.error for outcome in executor.run([Job("again", jobs[0].call)])] == [""]


def test_a_machine_without_ray_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError) as caught:
        RayCluster("auto")
    assert str(caught.value) == "--ray: package ray: wanted the extra: pip install cqb-net[ray], got not installed"


def test_a_cluster_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", types.ModuleType("ray"))
    with pytest.raises(
        InputError, match="--ray: 127.0.0.1:1: wanted the address of a running Ray cluster, got .*refused"
    ):
        RayCluster("127.0.0.1:1")
