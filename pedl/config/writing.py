"""A configuration as YAML 1.2, which `reading` reads to the same values."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML


def yaml_text(config: Mapping[str, Any]) -> str:
    """Returns a configuration, such as `ExperimentConfig.to_dict` gives, as YAML: a field a line, texts as they are."""
    writer, text = YAML(typ="safe", pure=True), io.StringIO()
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.dump(config, text)
    return text.getvalue()
