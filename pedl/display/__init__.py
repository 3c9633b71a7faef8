"""What people see of an experiment while it runs, drawn from what `describe --json` prints."""
