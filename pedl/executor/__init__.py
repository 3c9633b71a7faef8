"""Where trials run: the protocol, and processes of this machine. Knows nothing of trials, experiments or the store."""

from .environment import training_environment
from .local import LocalExecutor
from .protocol import TERMINAL_TYPES, Attempt, Executor, Message

__all__ = ["TERMINAL_TYPES", "Attempt", "Executor", "LocalExecutor", "Message", "training_environment"]
