"""What to train next: hyperparameter spaces and search methods, as pure functions.

    method = make_search(config.searcher, config.hyperparameters, experiment_seed=42)
    operations = method.start()

No TensorFlow, no clock, no input or output: the outcome depends on the configuration, the experiment seed and the
results alone, and is tested without training anything.
"""

from pedl.search.best import Rank, rank
from pedl.search.explore import at
from pedl.search.make import make_search, preview
from pedl.search.method import Close, Create, Operation, Parent, Plan, SearchMethod, Train
from pedl.search.replicate import replications, stream_groups
from pedl.search.space import nested

__all__ = [
    "Close",
    "Create",
    "Operation",
    "Parent",
    "Plan",
    "Rank",
    "SearchMethod",
    "Train",
    "at",
    "make_search",
    "nested",
    "preview",
    "rank",
    "replications",
    "stream_groups",
]
