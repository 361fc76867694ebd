"""The loop in one call: pilots, plan, assignment, training, evaluation and report, resumable at each arrow."""

from cqb_net.study.rivals import all_full, mixed_to_cost
from cqb_net.study.run import StudyResult, run_study
from cqb_net.study.trials import Trial, TrialScore, run_trials

__all__ = ["StudyResult", "Trial", "TrialScore", "all_full", "mixed_to_cost", "run_study", "run_trials"]
