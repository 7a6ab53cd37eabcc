"""docs/results.md: our error rates beside the published ones."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from phasekey.training.recipes import load_recipe
from phasekey.training.reproduction.columns import COLUMNS, Column
from phasekey.training.reproduction.published import UNREADABLE, Figure, Published
from phasekey.training.reproduction.results import Result
from phasekey.training.reproduction.without_cloud import EPOCHS, control_rows

Results = Mapping[tuple[str, str], Result]

HEAD = f"""\
# Results

Written by `phasekey reproduce` from the runs that it finished; a cell without a figure was not run.
Classification error in percent on the test images; lower is better. "Complex" goes through the rotation: a
fresh angle, and another image's feature as decoy, for every image. (Devices draw synthetic decoys instead.)

"Paper" is Xiang et al., ICLR 2020, Tables 1 and 2; "reproduction" the public one of Sheverdin et al.,
ReScience 2021, both typed in by hand. Their training differs from ours in epochs and settings, so compare the
columns of one line rather than the lines of one column. "ms/image" is inference of the whole network in one
process, batches of 100; the paper's are from its Table 5, on a machine that it does not name. All times are
by the clock, with whatever else our machine was doing. "Over 10 secrets" is the range of the error on up to
2,000 test images, each answered under ten angles and decoys; some get more than one label. "Without a cloud"
is what the device could answer by itself: a linear read-out of the feature, and the best plain network of the
device's own operations, trained for {EPOCHS} epochs. What the cloud adds is the accuracy through the rotation
less that of the better one, with a 95% interval, negative where it does harm: at most that where larger own
networks would have taken too long. A device whose operations are more than those of the same network without
hiding could run that by itself, and the column "original", which has no head, all the more.
"""
FOOT = f"""\
{UNREADABLE}: garbled in our text of the paper, and not guessed. –: not run, or not published.
"""
JPEG_NOTE = (
    "**Measured on a JPEG copy of CIFAR-10** (quality about 75): a little harder than the original "
    "pixels, so not to be compared with published figures to the last point."
)


def write_report(path: Path, results: Results, published: Published, plot: Path) -> str:
    """The whole document as Markdown; plot is the picture's path beside it."""
    rows = [row for row in published.rows if any(key[0] == row for key in results)]
    parts = [HEAD, f"![Error rates by row and column]({plot.relative_to(path.parent)})\n"]
    parts += [_row(row, results, published) for row in rows]
    return "\n".join([*parts, FOOT])


def _row(row: str, results: Results, published: Published) -> str:
    ours = {column.name: results[row, column.name] for column in COLUMNS if (row, column.name) in results}
    columns = [column for column in COLUMNS if column.name in ours or _published(row, column, published)]
    lines = [
        f"## {row}\n",
        _line("", (column.heading for column in columns)),
        _line("---", ("---:" for _ in columns)),
        _line("ours", (_ours(ours.get(column.name)) for column in columns)),
        *(
            _line(source, (_figure(published.error(row, source, column.name)) for column in columns))
            for source in ("paper", "reproduction")
        ),
        *_stability(columns, ours),
        *(
            _line(heading, cells)
            for heading, cells in control_rows(ours.get(column.name) for column in columns)
        ),
        _line("ms/image, ours", (_milliseconds(_seconds(ours.get(column.name))) for column in columns)),
        *_paper_speed(row, columns, published),
        "",
        *_gap(ours),
        *_how(ours.values()),
    ]
    return "\n".join(lines) + "\n"


def _published(row: str, column: Column, published: Published) -> bool:
    return published.error(row, "paper", column.name) is not None


def _line(first: str, cells: Iterable[str]) -> str:
    return f"| {first} | {' | '.join(cells)} |"


def _ours(result: Result | None) -> str:
    return "–" if result is None else f"**{result.error:.2f}**"


def _figure(figure: Figure) -> str:
    if figure is None:
        return "–"
    return figure if isinstance(figure, str) else f"{figure:.2f}"


def _paper_speed(row: str, columns: Iterable[Column], published: Published) -> list[str]:
    seconds = [published.seconds(row, column.name) for column in columns]
    return [_line("ms/image, paper", map(_milliseconds, seconds))] if any(seconds) else []


def _stability(columns: Iterable[Column], ours: Mapping[str, Result]) -> list[str]:
    """Two lines over several secrets, where any column was measured under them."""
    results = [ours.get(column.name) for column in columns]
    found = [None if result is None else result.stability for result in results]
    if not any(found):
        return []
    ranges = [
        "–" if one is None else f"{100 * (1 - one['highest']):.2f} to {100 * (1 - one['lowest']):.2f}"
        for one in found
    ]
    changing = ["–" if one is None else f"{100 * one['changing']:.1f}%" for one in found]
    return [_line("ours, over 10 secrets", ranges), _line("images of more than one label", changing)]


def _seconds(result: Result | None) -> float | None:
    return None if result is None else result.seconds_per_image


def _milliseconds(seconds: Figure) -> str:
    return f"{1000 * seconds:.2f}" if isinstance(seconds, float) else "–"


def _gap(ours: Mapping[str, Result]) -> list[str]:
    said = [
        f"{column.heading}: {ours[column.name].error - ours['additional'].error:+.2f} points"
        for column in COLUMNS
        if "additional" in ours and column.settings["form"] == "complex" and column.name in ours
    ]
    return [f"Error against that of the network with additional layers: {'; '.join(said)}.\n"] if said else []


def _how(results: Iterable[Result]) -> list[str]:
    """What was run, where and when: one bullet for each column."""
    results = list(results)
    lines = [_sentence(result) for result in results]
    return [*sorted({note for result in results if (note := _note(result))}), *_commands(results), *lines]


def _commands(results: Iterable[Result]) -> list[str]:
    """Name the calls that made a row: one for each set of epochs, data, images and seed."""
    forms: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        form = next(column.form for column in COLUMNS if column.name == result.column)
        known = forms.setdefault(_options(result), [])
        if form not in known:
            known.append(form)
    calls = [
        f"`phasekey reproduce --rows {options[0]} --forms {','.join(known)} {' '.join(options[1:])}`"
        for options, known in forms.items()
    ]
    return [f"Made by {', '.join(calls)}.\n"] if calls else []


def _options(result: Result) -> tuple[str, ...]:
    s = result.settings
    word, _, path = str(s.get("data", "")).rpartition(":")
    options = {
        "--epochs": result.epochs,
        "--images": s.get("images"),
        "--data": f"{word}{':' * bool(word)}{Path(path).name}" or None,
        "--seed": s["seed"] or None,
    }
    return (result.row, *(f"{name} {value}" for name, value in options.items() if value is not None))


def _note(result: Result) -> str:
    """What keeps the figures from being those of the row's own data; empty where nothing does."""
    if "jpeg" in result.data.lower():
        return f"{JPEG_NOTE}\n"
    own = load_recipe(result.row).settings["data"].partition(":")[0]
    return (
        "" if result.data == own else f"**Measured on {result.data}, which is not the data of this row.**\n"
    )


def _sentence(result: Result) -> str:
    s = result.settings
    defence = f", defence {s['defence']} (weight {s['defence_weight']:g})" if s["form"] == "complex" else ""
    epochs = "1 epoch" if result.epochs == 1 else f"{result.epochs} epochs"
    return (
        f"- {result.column}: {epochs} of {result.training_images:,} images of {result.data}, "
        f"{result.test_images:,} test images, {s['optimiser']} at {s['lr']:g}, batches of {s['batch_size']}, "
        f"{s['augment']}{defence}, seed {s['seed']}; {result.parameters:,} parameters; "
        f"{result.seconds_per_epoch:.1f} s an epoch on {result.hardware}; {result.finished}."
    )
