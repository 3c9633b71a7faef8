"""What is kept: the event log, the files of experiments, and the one class that knows their paths."""

from pedl.store.home import Draft, Event, EventLog, Home, Request
from pedl.store.paths import ExperimentPaths

__all__ = ["Draft", "Event", "EventLog", "ExperimentPaths", "Home", "Request"]
