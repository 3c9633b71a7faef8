"""Model definitions with one fault each, and their twins without it.

A fault is the source of a function `value()`, on which all data depend; the line that is to be found ends with
`# here`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFINITION = """\
{imports}
import keras
import numpy as np

from pedl.trial import KerasTrial, get_trial_seed

{value}


class PlantedTrial(KerasTrial):
    def build_model(self, hparams):
        return keras.Sequential([self.seeded.layers.Dense(1, name="out")])

    def optimizer(self):
        return keras.optimizers.SGD(0.01)

    def loss(self):
        return "mse"

    def batch_size(self):
        return 4

    def validation_metrics(self):
        return {{}}

    def make_data_loaders(self, experiment_config, hparams):
        x = np.random.default_rng(3).normal(size=(20, 4))
        return {training}, (x, x[:, 0])
"""

ARRAYS = "(x * (1 + value() % 1000 / 100), x[:, 0])"


@dataclass(frozen=True)
class Planted:
    """A fault.

    Attributes:
      moved: the disturbance that moves its bits; "nothing": they move by themselves.
      kind: what is met at the line.
      cause: what is shown to be the cause where nothing is disturbed.
      twin: the source without the fault.
    """

    moved: str
    kind: str
    imports: str
    value: str
    twin: str
    cause: str = ""
    training: str = ARRAYS

    def write(self, directory: Path, twin: bool = False) -> Path:
        """Writes the model definition, with five files of numbers beside it."""
        (directory / "numbers").mkdir(parents=True)
        for number in range(5):
            (directory / "numbers" / f"{number}.txt").write_text(str(number))
        value = self.twin if twin else self.value
        (directory / "model_def.py").write_text(
            DEFINITION.format(imports=self.imports, value=value, training=self.training)
        )
        return directory

    def line(self, directory: Path) -> int:
        """Returns the number of the line that is to be found."""
        lines = (directory / "model_def.py").read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if line.endswith("# here"))


FAULTS = {
    "an unseeded generator in a worker thread": Planted(
        "nothing",
        "generator",
        "from concurrent.futures import ThreadPoolExecutor",
        """\
def value():
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(np.random.default_rng).result().random() * 1000  # here""",
        """\
def value():
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: np.random.default_rng()).result().random() * 1000""",
        cause="the operating system's entropy",
    ),
    "the order of a directory": Planted(
        "directory order",
        "listing",
        "import os\nfrom pathlib import Path",
        """\
def value():
    names = os.listdir(Path(__file__).parent / "numbers")  # here
    return int("".join(name[0] for name in names))""",
        """\
def value():
    names = os.listdir(Path(__file__).parent / "numbers")
    names.sort()
    return int("".join(name[0] for name in names))""",
    ),
    "the order of Path.iterdir": Planted(
        "directory order",
        "listing",
        "from pathlib import Path",
        """\
def value():
    folder = Path(__file__).parent / "numbers"
    return int("".join(path.read_text() for path in folder.iterdir()))  # here""",
        """\
def value():
    folder = Path(__file__).parent / "numbers"
    return int("".join(path.read_text() for path in sorted(folder.iterdir())))""",
    ),
    "a set of strings": Planted(
        "hash seed",
        "set",
        "",
        """\
WORDS = {"red", "green", "blue", "black", "white", "orange", "ultramarine", "x"}


def value():
    return sum(place * len(word) for place, word in enumerate(WORDS))  # here""",
        """\
WORDS = {"red", "green", "blue", "black", "white", "orange", "ultramarine", "x"}


def value():
    return sum(place * len(word) for place, word in enumerate(sorted(WORDS)))""",
    ),
    "the time as a seed": Planted(
        "nothing",
        "clock",
        "import time",
        """\
def value():
    return np.random.default_rng(int(time.time() * 1000)).random() * 1000  # here""",
        """\
def value():
    return np.random.default_rng(get_trial_seed()).random() * 1000""",
        cause="the clock",
    ),
    "uuid4": Planted(
        "nothing",
        "entropy",
        "import uuid",
        """\
def value():
    return uuid.uuid4().int % 1000  # here""",
        """\
def value():
    return uuid.uuid5(uuid.NAMESPACE_DNS, "pedl").int % 1000""",
        cause="the operating system's entropy",
    ),
    "os.urandom": Planted(
        "nothing",
        "entropy",
        "from os import urandom",
        """\
def value():
    return int.from_bytes(urandom(4), "little")  # here""",
        """\
def value():
    return int.from_bytes(b"four", "little")""",
        cause="the operating system's entropy",
    ),
    "the secrets module": Planted(
        "nothing",
        "entropy",
        "import secrets",
        """\
def value():
    return secrets.randbelow(1000000)  # here""",
        """\
def value():
    return 7""",
        cause="the operating system's entropy",
    ),
    "the number of the process": Planted(
        "nothing",
        "machine",
        "import os",
        """\
def value():
    return os.getpid()  # here""",
        """\
def value():
    return get_trial_seed()""",
        cause="the number of the process",
    ),
    "a file that another trial left": Planted(
        "another trial",
        "file",
        "from pathlib import Path",
        """\
def value():
    cache = Path("cache.txt")
    if not cache.exists():
        cache.write_text(str(get_trial_seed()))  # here
    return int(cache.read_text())""",
        """\
def value():
    cache = Path(f"cache-{get_trial_seed()}.txt")
    if not cache.exists():
        cache.write_text(str(get_trial_seed()))
    return int(cache.read_text())""",
    ),
    "a count that no checkpoint holds": Planted(
        "resumed",
        "state",
        "",
        """\
class Counting(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x, self.taken = x, 0

    def __len__(self):
        return 5

    def __getitem__(self, index):
        self.taken += 1  # here
        return self.x[:4] * self.taken, self.x[:4, 0]""",
        """\
class Counting(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x, self.taken = x, 0

    def __len__(self):
        return 5

    def __getitem__(self, index):
        taken = index + 1
        return self.x[:4] * taken, self.x[:4, 0]""",
        training="Counting(x)",
    ),
    "the order in which tasks end": Planted(
        "load",
        "turn",
        "import time\nfrom concurrent.futures import ThreadPoolExecutor, as_completed",
        """\
def task(number):
    time.sleep(0.5 * number)
    return number


def value():
    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(task, number) for number in (0, 1)]
        return 1 + int("".join(str(it.result()) for it in as_completed(tasks)))  # here""",
        """\
def value():
    with ThreadPoolExecutor(2) as pool:
        return 1 + int("".join(map(str, pool.map(int, (0, 1)))))""",
    ),
    "the order of the locale": Planted(
        "locale",
        "locale",
        "import locale",
        """\
def value():
    locale.setlocale(locale.LC_ALL, "")  # here
    return int("".join(str(ord(it)) for it in sorted("bAcBaC", key=locale.strxfrm))) % 997""",
        """\
def value():
    return int("".join(str(ord(it)) for it in sorted("bAcBaC", key=str.casefold))) % 997""",
    ),
    "the number of cores": Planted(
        "cores",
        "machine",
        "import os",
        """\
def value():
    return os.cpu_count()  # here""",
        """\
def value():
    return 2""",
    ),
    "the time zone": Planted(
        "time zone",
        "clock",
        "import time",
        """\
def value():
    return time.localtime(86400).tm_min  # here""",
        """\
def value():
    return time.gmtime(86400).tm_min""",
    ),
    "the directory of the command": Planted(
        "place",
        "place",
        "import os\nimport zlib",
        """\
def value():
    return zlib.crc32(os.environ.get("PWD", "").encode())  # here""",
        """\
def value():
    return zlib.crc32(b"here")""",
    ),
    "the date": Planted(
        "clock",
        "clock",
        "import datetime",
        """\
def value():
    return datetime.date.today().toordinal()  # here""",
        """\
def value():
    return datetime.date(2018, 3, 1).toordinal()""",
    ),
}
