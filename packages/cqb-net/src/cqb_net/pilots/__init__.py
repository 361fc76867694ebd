"""Pilots: the small trainings of Table 2 that tell what labels are worth, run so that nothing done is lost.

Importing this is quick: what needs torch is imported when a sweep is planned or a pilot runs.
"""

from cqb_net.pilots.execution import Executor, Job, Outcome
from cqb_net.pilots.local import LocalProcesses
from cqb_net.pilots.protocol import ROWS, Entry, TableRow
from cqb_net.pilots.ray_cluster import RayCluster
from cqb_net.pilots.sweep import run_pilots

__all__ = ["ROWS", "Entry", "Executor", "Job", "LocalProcesses", "Outcome", "RayCluster", "TableRow", "run_pilots"]
