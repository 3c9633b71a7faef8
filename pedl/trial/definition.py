"""Importing a model definition and finding the one trial class in it."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.missing_file import looked_for
from pedl.trial.trial import Trial, check_complete


def load_trial_class(definition: Path, config: dict[str, Any]) -> type[Trial]:
    """Returns the trial class of a model definition.

    Args:
      definition: a directory, or one `.py` file.
      config: the experiment configuration; `entrypoint` or `entrypoints` in it name the class, and functions that stand
        beside it.

    Raises:
      TrialDefinitionError: if the import fails (with the user's frames only), or not exactly one complete class is
        found.
    """
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(definition if definition.is_dir() else definition.parent))
    entrypoints = config.get("entrypoints") or {}
    entrypoint = config.get("entrypoint") or entrypoints.get("trial_class")
    if entrypoint:
        trial_class = _named(definition, entrypoint)
    else:
        trial_class = _only(definition, _import(definition, _default_module(definition)))
    check_complete(trial_class)
    _check_eager(definition)
    for hook, field in (("make_data_loaders", "data_loaders_function"), ("download_data", "download_data_function")):
        named = entrypoints.get(field)
        function = _attribute(definition, named) if named else _beside(trial_class, hook)
        if function is not None and not hasattr(trial_class, hook):
            setattr(trial_class, hook, staticmethod(function))
    return trial_class


def user_traceback(error: BaseException, definition: Path) -> str:
    """Returns the traceback of an error with the user's own frames only; the error's line alone if there are none."""
    inside = str(definition.resolve())
    shown = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_inside(frame.filename, inside)]
    head = ["Traceback (your code only):\n", *traceback.format_list(shown)] if shown else []
    return "".join([*head, *_said(error, inside), looked_for(error)]).rstrip()


def _is_inside(file: str, inside: str) -> bool:
    """Whether a frame's file lies in the definition; "<frozen importlib._bootstrap>" is no file, and lies nowhere."""
    return Path(file).is_absolute() and Path(file).resolve().is_relative_to(inside)


def _said(error: BaseException, inside: str) -> list[str]:
    """An error's own text. TensorFlow's holds a stack where a node was made: of that, too, only the user's frames."""
    lines = "".join(traceback.format_exception_only(type(error), error)).splitlines(keepends=True)
    files = [re.match(r'\s+File "([^"]*)", line \d+, in ', line) for line in lines]
    return [
        line
        for line, file, after in zip(lines, files, [None, *files], strict=False)
        if (file is None or _is_inside(file[1], inside)) and not (after and not line.strip())
    ]


def _default_module(definition: Path) -> str:
    if definition.is_file():
        return definition.stem
    if (definition / "__init__.py").exists():
        return "__init__"
    if (definition / "model_def.py").exists():
        return "model_def"
    files = ", ".join(sorted(path.name for path in definition.glob("*.py"))) or "none"
    raise TrialDefinitionError(
        f"the model definition {definition.name} has neither __init__.py nor model_def.py (its Python files: "
        f"{files}).\n"
        'Name the class in the configuration, for example: entrypoint: "my_module:MyTrial"'
    )


def _import(definition: Path, name: str) -> ModuleType:
    try:
        if name == "__init__":
            return _import_package(definition)
        _check_name_is_free(definition, name.partition(".")[0])
        return importlib.import_module(name)
    except TrialDefinitionError:
        raise
    except ModuleNotFoundError as error:
        if error.name == name:
            raise TrialDefinitionError(
                f"the model definition {definition.name} has no module {name!r}. Check `entrypoint` in the "
                "configuration."
            ) from None
        raise TrialDefinitionError(_import_failed(definition, name, error)) from error
    except (Exception, SystemExit) as error:
        raise TrialDefinitionError(_import_failed(definition, name, error)) from error


def _check_name_is_free(definition: Path, name: str) -> None:
    """A file `random.py` of the user's would never be imported: Python has a module of that name already."""
    folder = definition if definition.is_dir() else definition.parent
    taken = getattr(sys.modules.get(name), "__file__", None)
    if name in sys.modules and (folder / f"{name}.py").exists() and not _is_inside(taken or "", str(folder.resolve())):
        raise TrialDefinitionError(
            f"the model definition's {name}.py has the name of a module that is loaded already"
            f"{f' ({taken})' if taken else ''}, and would never be imported. Give the file another name."
        )
    if not name.isidentifier():
        raise TrialDefinitionError(
            f"{name!r} of the model definition is not a name Python can import. Use letters, digits and underscores."
        )


def _import_failed(definition: Path, name: str, error: BaseException) -> str:
    shown = user_traceback(error, definition)
    return f"importing {name} of the model definition failed:\n{shown}\nFix it, and try again."


def _import_package(definition: Path) -> ModuleType:
    """Imports a directory as a package of its name: `from .model_def import X` works as the absolute import does."""
    name = definition.name.replace(".", "_")
    spec = importlib.util.spec_from_file_location(
        name, definition / "__init__.py", submodule_search_locations=[str(definition)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _attribute(definition: Path, entrypoint: str) -> Any:
    module_name, _, attribute = entrypoint.partition(":")
    module = _import(definition, module_name)
    if not hasattr(module, attribute):
        names = [name for name, value in vars(module).items() if not name.startswith("_") and callable(value)]
        raise TrialDefinitionError(
            f"{module_name} has no {attribute!r}, which the configuration's entrypoint names. It has: "
            f"{', '.join(sorted(names)) or 'nothing'}."
        )
    return getattr(module, attribute)


def _named(definition: Path, entrypoint: str) -> type[Trial]:
    value = _attribute(definition, entrypoint)
    if not (isinstance(value, type) and issubclass(value, Trial)):
        raise TrialDefinitionError(
            f"entrypoint {entrypoint!r} is {value!r}, expected a subclass of KerasTrial, KerasFunctionalTrial or "
            "TensorFlowTrial."
        )
    return value


def _only(definition: Path, module: ModuleType) -> type[Trial]:
    inside = str(definition.resolve())
    classes = {
        value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and isinstance(value, type)
        and issubclass(value, Trial)
        and _is_inside(_file(value), inside)
    }
    concrete = sorted((c for c in classes if not inspect.isabstract(c)), key=lambda c: c.__name__)
    if len(concrete) == 1:
        return concrete[0]
    for incomplete in sorted(classes - set(concrete), key=lambda c: c.__name__):
        if not concrete:
            check_complete(incomplete)
    found = f"several: {', '.join(c.__name__ for c in concrete)}" if concrete else "none"
    own = [c.__name__ for c in concrete if c.__module__ == module.__name__]
    example = f"{module.__name__}:{own[0]}" if own else "model_def:MyTrial"
    raise TrialDefinitionError(
        f"{Path(str(module.__file__)).name} of the model definition must expose exactly one trial class, and has "
        f"{found}.\n"
        f'Name the one to use in the configuration, for example: entrypoint: "{example}"'
    )


def _file(value: type) -> str:
    file = getattr(sys.modules.get(value.__module__), "__file__", None)
    return str(Path(file).resolve()) if file else ""


def _beside(trial_class: type[Trial], name: str) -> Any:
    return getattr(sys.modules[trial_class.__module__], name, None)


def _check_eager(definition: Path) -> None:
    if not tf.executing_eagerly():
        raise TrialDefinitionError(
            f"the model definition {definition.name} turned eager execution off (tf.compat.v1.disable_eager_execution "
            "or disable_v2_behavior), "
            "which breaks Keras and the reading of data. Remove that call: a TensorFlowTrial gets its own graph "
            "without it."
        )
