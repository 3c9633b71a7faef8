"""Commands: parse, call, print. Results go to standard output, messages to standard error.

`pedl --help` must answer at once, so a module that defines commands imports what they need (pydantic, rich, the
experiment) inside the command. Three modules define none and need it when they are imported, so commands import these
inside, too: `logs`, `running`, `tables`.
"""
