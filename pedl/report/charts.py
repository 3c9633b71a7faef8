"""The charts of a page, as figures of Plotly: learning curves, parallel coordinates, importance.

What a user named goes through `inert`: Plotly reads a little HTML in texts. Colours that follow light and dark are set
in the page (`page.js`); those that are set here can be seen on both.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from pedl import jsontext
from pedl.report.results import Results, Series, are_numbers
from pedl.report.scales import Position, apart, is_logarithmic, positions, ticks

MOST_CURVES = 200
"""Curves in one chart; beyond them those of the best trials are drawn."""
MOST_POINTS = 200
"""Points of one curve; beyond them every second, third ... is drawn, and the last."""
MOST_COLOURS = 8
"""Trials that get a colour each."""
FEW_STEPS = 10
"""Steps that are written at the axis one by one; Plotly would write halves of them."""
MOST_LINES = 2_000
"""Trials in parallel coordinates; beyond them the best are drawn."""

COLOURS = ("#3579c8", "#2b8a57", "#9160cf", "#cf4444", "#12858f", "#9a6a38", "#c24a8c", "#87909c")
OTHERS = "#87909c"
BEST = "#c9660a"

ABSENT = "(absent)"
"""Stands where a trial lacks a hyperparameter that others have."""


def inert(text: str, most: int | None = None) -> str:
    """Returns what shows `text`, without its middle if it has more than `most` characters, and is text to Plotly."""
    if most is not None and len(text) > most:
        text = f"{text[: most // 2]}…{text[most // 2 + 1 - most :]}"
    return html.escape(text, quote=False)


def curves(results: Results, group: str, name: str) -> dict[str, Any] | str:
    """Returns the chart of a metric by step, or why there is none."""
    import plotly.graph_objects as go

    drawn = drawn_series(results, group, name)
    if not drawn:
        return f"No curve of {name} ({group}): none of its values is a number that can be drawn."
    best = results.described["best_trial"]
    last = max(series.steps[-1] for series in drawn)
    figure = go.Figure()
    if len(drawn) <= MOST_COLOURS:
        colours = iter(COLOURS)
        for series in drawn:
            if series.trial_id == best:
                figure.add_trace(_line([series], f"trial {best} (best)", BEST, 3, markers=True))
            else:
                figure.add_trace(_line([series], f"trial {series.trial_id}", next(colours), 1.75, markers=True))
    else:
        of_the_best = [it for it in drawn if it.trial_id == best]
        others = "other trials" if of_the_best else "trials"
        figure.add_trace(_line([it for it in drawn if it.trial_id != best], others, OTHERS, 1))
        if of_the_best:
            figure.add_trace(_line(of_the_best, f"trial {best} (best)", BEST, 3))
    figure.update_layout(
        xaxis={"title": {"text": "step"}, "rangemode": "tozero", **({"dtick": 1} if last <= FEW_STEPS else {})},
        # Room for long numbers, and powers of ten instead of prefixes: 2x10^-8, not 20n.
        yaxis={"title": {"text": inert(name, 40), "standoff": 8}, "exponentformat": "power", "automargin": True},
        margin={"l": 60, "r": 16, "t": 16, "b": 44},
        legend={"orientation": "h", "y": -0.25, "yanchor": "top"},
        hovermode="closest",
        showlegend=True,
    )
    return _plain(figure)


def drawn_series(results: Results, group: str, name: str) -> list[Series]:
    """Returns the curves that are drawn, by trial number: all, or those of the best trials, and then of the first."""
    every = results.series(group, name)
    if len(every) > MOST_CURVES:
        place = {trial["id"]: number for number, trial in enumerate(results.ranked)}
        chosen = sorted(every, key=lambda it: place.get(it.trial_id, len(place)))[:MOST_CURVES]
        every = sorted(chosen, key=lambda it: it.trial_id)
    return [thinned(it) for it in every]


def thinned(series: Series) -> Series:
    """Returns a curve with at most `MOST_POINTS` points and one, the last among them."""
    stride = math.ceil(len(series.steps) / MOST_POINTS)
    if stride == 1:
        return series
    last = len(series.steps) - 1
    kept = [at for at in range(last + 1) if at % stride == 0 or at == last]
    return Series(series.trial_id, tuple(series.steps[at] for at in kept), tuple(series.values[at] for at in kept))


def _line(several: Sequence[Series], name: str, colour: str, width: float, markers: bool = False) -> Any:
    """Returns one trace for several curves, with gaps between them: a trace for each of hundreds would be slow."""
    import plotly.graph_objects as go

    points = [point for series in several for point in (*_points(series), (None, None, None))][:-1]
    single = any(len(series.steps) == 1 for series in several)  # which a line alone would not show
    return go.Scatter(
        x=[step for step, _, _ in points], y=[value for _, value, _ in points],
        customdata=[trial_id for _, _, trial_id in points],
        hovertemplate="trial %{customdata}, step %{x}: %{y:.6g}<extra></extra>", name=name,
        mode="lines+markers" if markers or single else "lines",
        line={"color": colour, "width": width}, marker={"size": 6}, connectgaps=False,
    )  # fmt: skip


def _points(series: Series) -> list[tuple[int, float, int]]:
    return [(step, value, series.trial_id) for step, value in zip(series.steps, series.values, strict=True)]


def coordinates(results: Results) -> dict[str, Any] | str:
    """Returns the chart of all varied hyperparameters and the searcher's metric, or why there is none."""
    import plotly.graph_objects as go

    trials = results.ranked[:MOST_LINES]
    if not results.varied or len(trials) < 2:
        return "There is nothing to compare yet: it takes two validated trials whose hyperparameters differ."
    scores = [results.score(trial) for trial in trials]
    columns = {path: [results.hparams[trial["id"]].get(path, ABSENT) for trial in trials] for path in results.varied}
    dimensions = [_dimension(inert(path, 16), *_axis(column)) for path, column in columns.items()]
    dimensions.append(_dimension(inert(results.metric, 16), positions(scores), ticks(scores)))
    worst_to_best = [[0, OTHERS], [0.6, COLOURS[0]], [1, BEST]]
    line = {"color": dimensions[-1]["values"], "colorscale": worst_to_best, "reversescale": results.smaller_is_better}
    # Room above for the names, which stand at an angle, and beside for those of the first and the last.
    first = max([4 * len(dimensions[0]["label"]), *(8 * len(text) for text in dimensions[0]["ticktext"])])
    layout = {"margin": {"l": max(70, first + 16), "r": 80, "t": 90, "b": 30}}
    return _plain(go.Figure(go.Parcoords(dimensions=dimensions, line=line, labelangle=-20), layout))


def _dimension(label: str, values: Sequence[float], written: Sequence[Position]) -> dict[str, Any]:
    """Returns an axis whose texts are all ours: those of Plotly are long where numbers are large, small or close."""
    at = [position for position, _ in written]
    shown = {"tickvals": at, "ticktext": [inert(text, 12) for _, text in written], "range": [min(0, *at), max(1, *at)]}
    return {"label": label, "values": [*values], **shown}


def _axis(column: Sequence[Any]) -> tuple[list[float], list[Position]]:
    """Returns where the values of a hyperparameter stand on their axis, and what is written there."""
    if are_numbers(column):
        logarithmic = is_logarithmic(column)
        return positions(column, logarithmic), ticks(column, logarithmic)
    texts = [_text(value) for value in column]
    choices = sorted(set(texts))
    place = {choice: number / max(1, len(choices) - 1) for number, choice in enumerate(choices)}
    return [place[text] for text in texts], apart([(place[choice], choice) for choice in choices])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else jsontext.dumps(value)


def bars(found: dict[str, float]) -> dict[str, Any]:
    """Returns the chart of the importance of hyperparameters, the largest at the top."""
    import plotly.graph_objects as go

    paths = list(reversed(found))
    figure = go.Figure(
        go.Bar(
            x=[found[path] for path in paths], y=[*range(len(paths))], orientation="h", marker={"color": COLOURS[0]},
            text=[f"{found[path]:.2f}" for path in paths], textposition="outside", cliponaxis=False,
            hovertext=[inert(path) for path in paths], hoverinfo="text",
        )
    )  # fmt: skip
    figure.update_layout(
        xaxis={"range": [0, 1.1], "title": {"text": "importance"}},
        # By position: two names that are equal when cut are two bars all the same.
        yaxis={"tickvals": [*range(len(paths))], "ticktext": [inert(path, 24) for path in paths], "automargin": True},
        margin={"l": 8, "r": 16, "t": 8, "b": 44},
        height=90 + 34 * len(paths),
        showlegend=False,
    )
    return _plain(figure)


def _plain(figure: Any) -> dict[str, Any]:
    """Returns a figure as plain JSON, without Plotly's template, which has colours of its own."""
    found: dict[str, Any] = figure.to_plotly_json()
    layout = {name: value for name, value in found["layout"].items() if name != "template"}
    return {"data": jsontext.plain(_lists(found["data"])), "layout": layout}


def _lists(value: Any) -> Any:
    """Returns nested values with NumPy's arrays, which Plotly makes where it is installed, as lists."""
    if isinstance(value, dict):
        return {name: _lists(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_lists(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
