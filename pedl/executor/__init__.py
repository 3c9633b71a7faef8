"""Where trials run: the protocol, and processes of this machine. Knows nothing of trials, experiments or the store."""

from pedl.executor.environment import training_environment
from pedl.executor.local import LocalExecutor
from pedl.executor.protocol import TERMINAL_TYPES, Attempt, Executor, Message, last_message, messages

__all__ = [
    "TERMINAL_TYPES",
    "Attempt",
    "Executor",
    "LocalExecutor",
    "Message",
    "last_message",
    "messages",
    "training_environment",
]
