"""An experiment configuration: its schema, strict reading, and errors that name file, line and field.

config = read_config(Path("random.yaml"))       # or parse_config({...})
config.searcher.max_steps, config.hyperparameters.flat()
parse_config(config.to_dict()) == config        # what is stored is complete
"""

from pedl.config.doubts import doubts_about, range_of
from pedl.config.parsing import parse_config, read_config, told_with_line
from pedl.config.schema import ExperimentConfig
from pedl.config.writing import yaml_text

__all__ = ["ExperimentConfig", "doubts_about", "parse_config", "range_of", "read_config", "told_with_line", "yaml_text"]
