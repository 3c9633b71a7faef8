"""What is kept: the event log, the files of experiments, and the one class that knows their paths."""

from pedl.store.event_log import Draft, Event, EventLog, Request
from pedl.store.home import Home
from pedl.store.paths import ExperimentPaths

__all__ = ["Draft", "Event", "EventLog", "ExperimentPaths", "Home", "Request"]
