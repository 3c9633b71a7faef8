"""Commands: parse, call, print. Results go to standard output, messages to standard error.

`pedl --help` must answer at once, so these modules import nothing but the standard library and Click when they are
imported; what a command needs (pydantic, rich, the experiment) is imported inside the command.
"""
