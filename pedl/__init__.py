"""pedl: re-running an experiment gives the identical model, bit for bit."""
