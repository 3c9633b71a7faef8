"""Every page holds what it shows: links, commands, configurations, code and documents. See README.md here."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pedl.config import parse_config, read_config
from pedl.display.words import brief, pairs
from pedl.search.space import draw_hparams
from pedl.seeds import trial_seed
from tests.docs.pages import PAGES, ROOT, Block, anchors, blocks, links
from tests.docs.session import DIGITS, Session, compare_keys, fewer_digits, shape, shortened
from tests.marks import long_but
from tests.trial.alone import Alone, Failed

RUN = [page for page in PAGES if page != "CONTRIBUTING.md"]
MINIMAL = {"searcher": {"name": "single", "metric": "loss", "max_steps": 1}}
HPARAMS = {"units": 8, "learning_rate": 1e-3, "dropout": 0.1}
LANGUAGES = {"sh", "text", "json", "yaml", "python"}


@pytest.mark.parametrize("page", PAGES)
def test_every_local_link_leads_somewhere(page: str) -> None:
    for link in links(page):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page} links to {link}; {file} has {sorted(anchors(target))}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_every_page_can_be_reached_from_the_start_page(page: str) -> None:
    assert page == "docs/index.md" or Path(page).name in set(links("docs/index.md"))


@pytest.mark.parametrize("page", RUN)
def test_every_block_says_what_it_is_but_for_pictures_of_files(page: str) -> None:
    pictures = {block.text for block in blocks(page) if block.language not in LANGUAGES}
    assert all(picture.startswith(".pedl/") for picture in pictures)


@pytest.mark.long
@pytest.mark.parametrize("page", RUN)
def test_the_page_runs_from_top_to_bottom_and_shows_what_is_printed(page: str, tmp_path: Path) -> None:
    session = Session(tmp_path)
    for block in blocks(page):
        session.run(block)


@pytest.mark.parametrize("page", RUN)
def test_every_configuration_is_valid(page: str) -> None:
    for block in blocks(page):
        if block.language == "yaml":
            parse_config({**MINIMAL, **YAML(typ="safe", pure=True).load(block.text)})


def test_the_seeds_and_hyperparameters_that_are_shown_are_those_of_the_seed() -> None:
    # They depend on no machine; metrics and hashes do.
    (config,) = [it.text for it in blocks("docs/start.md") if it.file == "digits.yaml"]
    space = parse_config(YAML(typ="safe", pure=True).load(config)).hyperparameters
    start = re.findall(r"1/(\d)\b.*(learning_rate=\S+ units=\d+)", (ROOT / "docs" / "start.md").read_text())
    assert start and all(words == pairs(draw_hparams(space, 7, int(number))) for number, words in start)
    best = draw_hparams(read_config(ROOT / "examples" / "mnist" / "random.yaml").hyperparameters, 42, 4)
    readme = "".join(f"  {name}: {brief(value)}\n" for name, value in best.items())
    assert f"Best trial: 1/4, accuracy 0.971 (loss=0.100123)\n{readme}" in (ROOT / "README.md").read_text()
    seeds = re.findall(r"trial (\d) COMPLETED .* (\d+)\n", (ROOT / "docs" / "python.md").read_text())
    assert seeds and all(int(shown) == trial_seed(7, int(number)) for number, shown in seeds)


def loose_python(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python" and block.file is None]


@pytest.mark.parametrize("page", long_but(["README.md"], [page for page in RUN if loose_python(page)]))
def test_every_trial_class_trains(page: str, tmp_path: Path) -> None:
    module = "\n\n".join(block.text for block in loose_python(page))
    (tmp_path / "page.py").write_text(module)
    fewer_digits(tmp_path / DIGITS.name)
    classes = [it.name for it in ast.parse(module).body if isinstance(it, ast.ClassDef) and "Trial" in it.name]
    assert classes
    alone = Alone(tmp_path)
    try:
        for name in classes:
            assert "loss" in trained(alone, tmp_path, name)
    finally:
        alone.close()


def trained(alone: Alone, directory: Path, name: str) -> dict[str, object]:
    config = {"entrypoint": f"page:{name}", "data": {}}
    actions = (["train", 2], ["validate"])
    try:
        return alone(directory, *actions, hparams=HPARAMS, config=config)[-1]
    except Failed as failed:
        asked = str(failed).partition("RestartNeeded: start again with ")[2]
        if not asked:
            raise
        return alone(directory, *actions, hparams=HPARAMS, config=config, session_config=ast.literal_eval(asked))[-1]


def test_a_shape_forgets_numbers_and_hashes_and_keeps_words() -> None:
    assert shape("trial 1/2: step 3/8  loss=0.31 lr=1e-05") == "trial N/N: step N/N loss=N lr=N"
    assert shape("Outcome: 0123456789abcdef0123") == "Outcome: HASH"
    assert shape("units=4 conv2") == "units=N conv2"
    for when in ("2026-11-24T16:50:02+00:00", "2027-01-02T03:04:05Z"):
        assert shape(f"executed {when}.") == "executed TIME."


def test_a_document_with_another_key_is_noticed() -> None:
    real = {"id": 1, "trials": [{"id": 1, "state": "COMPLETED"}]}
    compare_keys({"id": 3, "trials": [{"id": 1, "state": "..."}]}, real, "it")
    for wrong in ({"id": 3}, {"id": 3, "trials": [{"id": 1}]}, {"id": "3", "trials": "..."}):
        with pytest.raises(AssertionError):
            compare_keys(wrong, real, "it")


def test_a_line_that_nothing_printed_and_a_command_that_fails_are_noticed(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.run(Block("sh", "echo Experiment 1 is done\nfalse # exit code 1", 1))
    session.run(Block("text", "Experiment 22 is done", 1))
    with pytest.raises(AssertionError, match="which nothing printed has"):
        session.run(Block("text", "Experiment 22 is over", 1))
    with pytest.raises(AssertionError, match="exit code 1"):
        session.run(Block("sh", "false", 1))


def test_a_shortened_configuration_is_otherwise_the_same() -> None:
    text = (ROOT / "examples" / "mnist" / "random.yaml").read_text()
    long, short = (YAML(typ="safe", pure=True).load(it) for it in (text, shortened(text, "random.yaml")))
    assert short["searcher"] == {**long["searcher"], "max_steps": 2, "max_trials": 2}
    assert json.dumps(short["hyperparameters"]) == json.dumps(long["hyperparameters"])


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_test_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for path in re.findall(r"`((?:pedl|tests|examples)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), f"{page} names {path}"
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in tests, f"{page} names {name}"
