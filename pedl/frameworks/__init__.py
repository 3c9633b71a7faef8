"""The original system's names for the trial classes; `pedl.trial` has the same ones."""
