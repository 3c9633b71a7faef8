"""The experiment configuration: every field, its type, its range and its default.

A configuration is a value: frozen, equal by content, and the same after `parse_config(config.to_dict())`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from pedl.config.hparams import Space
from pedl.config.searcher import AnySearcher, SingleSearcher
from pedl.config.values import (
    Count,
    CountFromZero,
    Entrypoint,
    FilledText,
    Section,
    Seed,
    StorageUrl,
    Switch,
    Text,
    expects,
    refused,
)
from pedl.variables import PEDL_SETS

INSTRUCTION_SETS = (
    "none", "SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16",
    "AVX512_CORE_FP16", "AVX512_CORE_AMX", "AVX512_CORE_AMX_FP16", "AVX10_1_512", "AVX10_1_512_AMX",
    "AVX10_1_512_AMX_FP16", "DEFAULT",
)  # fmt: skip
"""What ONEDNN_MAX_CPU_ISA may be (oneDNN developer guide, "CPU Dispatcher Control"), and `none`: not set."""


def _free_variable(name: str) -> str:
    if name in PEDL_SETS:
        raise refused("a variable that pedl does not set itself", f"; remove it: {PEDL_SETS[name]}")
    if not name or "=" in name or "\0" in name:
        raise refused("a variable's name, without `=`")
    return name


class Entrypoints(Section):
    """Where the parts of a model definition are, each as "module:Name"."""

    trial_class: Entrypoint
    data_loaders_function: Entrypoint | None = None
    download_data_function: Entrypoint | None = None


class CheckpointStorage(Section):
    """Where checkpoints are kept (`url` absent: in the home), and how many: of the experiment, of each trial."""

    url: StorageUrl | None = None
    save_experiment_best: CountFromZero = 0
    save_trial_best: CountFromZero = 1
    save_trial_latest: CountFromZero = 1


class Resources(Section):
    """What trials may use. A trial is trained by one process, which counts as `slots_per_trial` workers."""

    slots_per_trial: Count = 1
    max_concurrent_trials: Count | None = None


class Environment(Section):
    """Variables that training processes get beside the command's own environment."""

    environment_variables: dict[Annotated[str, AfterValidator(_free_variable)], Text] = Field(default_factory=dict)


class Threads(Section):
    """Sizes of TensorFlow's pools: constants, since bits depend on the intra-op size, but not on the cores."""

    intra_op: Count = 4
    inter_op: Count = 4


class Reproducibility(Section):
    """What decides bits besides code and data. `auto` and an absent seed are settled when an experiment is created."""

    experiment_seed: Seed | None = None
    threads: Threads = Threads()
    op_determinism: Switch = True
    onednn: Annotated[Literal["auto"] | bool, expects("auto, true or false", "auto")] = "auto"
    max_instruction_set: Annotated[
        str, Field(pattern=f"^({'|'.join(INSTRUCTION_SETS)})$"),
        expects(f"one of {', '.join(INSTRUCTION_SETS)}", *INSTRUCTION_SETS),
    ] = "none"  # fmt: skip
    fingerprint: Annotated[Literal["step", "batch"], expects("step or batch", "step", "batch")] = "step"


class ExperimentConfig(Section):
    """An experiment's configuration. Periods and lengths are in steps of `batches_per_step` batches."""

    description: Text = ""
    labels: list[FilledText] = Field(default_factory=list)
    data: dict[str, Any] = Field(default_factory=dict)
    entrypoint: Entrypoint | None = None
    entrypoints: Entrypoints | None = None
    hyperparameters: Space = Space({})
    searcher: AnySearcher
    batches_per_step: Count = 100
    min_validation_period: Count | None = None
    min_checkpoint_period: Count | None = None
    checkpoint_policy: Annotated[
        Literal["best", "all", "none"], expects("best, all or none", "best", "all", "none")
    ] = "best"  # fmt: skip
    checkpoint_storage: CheckpointStorage = CheckpointStorage()
    max_restarts: CountFromZero = 5
    resources: Resources = Resources()
    environment: Environment = Environment()
    reproducibility: Reproducibility = Reproducibility()

    def to_dict(self) -> dict[str, Any]:
        """Returns the complete configuration, defaults filled in, as JSON can hold it: the form that is stored."""
        return self.model_dump()

    def with_seed(self, experiment_seed: int) -> ExperimentConfig:
        """Returns this configuration with that experiment seed, 0 .. 2**31 - 1."""
        reproducibility = self.reproducibility.model_copy(update={"experiment_seed": experiment_seed})
        return self.model_copy(update={"reproducibility": reproducibility})

    def in_test_mode(self) -> ExperimentConfig:
        """Returns the shortest experiment that touches everything: one trial of one step of one batch."""
        written = self.searcher.model_fields_set & {"metric", "smaller_is_better"}
        common = {name: getattr(self.searcher, name) for name in written}
        searcher = SingleSearcher(name="single", max_steps=1, **common)
        return self.model_copy(update={"searcher": searcher, "batches_per_step": 1})
