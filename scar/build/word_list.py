"""List what captions will say for the categories and scenes of a recipe, before anything is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Literal

import msgspec

from scar.accounting import Tally
from scar.annotations.opening import are_heavy, open_sources
from scar.annotations.pictures import PictureRef
from scar.build.engine import EngineName, open_engine, run_here
from scar.common.progress import Track
from scar.evidence.spoken_picture import describe_company
from scar.language.category_names import Origin, describe_category
from scar.language.scene_names import describe_scene
from scar.language.user_words import NO_WORDS, Words, make_key, read_words
from scar.recipe import Recipe

_CHUNK = 2_000
"""Pictures that one task reads: a second or two of work."""

_ORIGINS: dict[Origin, str] = {
    "unknown": "unknown: no dictionary has it",
    "no_thing": "never said: it names no thing",
    "user": "your words",
    "table": "table",
    "rule": "rule",
}
"""Where words come from, as it is printed; what wants a look comes first."""

_MAX_WIDTH = 40
"""Most characters of a name that are printed."""


class WordRow(msgspec.Struct, frozen=True):
    """What captions say for one category or one scene of a source.

    Attributes:
        source: ``<name>/<split>`` of the source.
        kind: whether it is the category of regions or the scene of pictures.
        name: the name in the source.
        says: the words of captions, a scene's with its preposition; None if it is never said.
        count: number of regions that may become samples, or of pictures.
        origin: where the words come from.
    """

    source: str
    kind: Literal["category", "scene"]
    name: str
    says: str | None
    count: int
    origin: Origin


def list_words(recipe: Recipe, workers: int, engine: EngineName, track: Track) -> list[WordRow]:
    """Read the annotations of a recipe's sources, and list what captions will say.

    Returns:
        The rows, source by source, categories before scenes, unknown ones first, then by descending count.

    Raises:
        RecipeError: the words file cannot be used.
        InputError: an annotation file cannot be used, or a record of it, unless the recipe skips such records.
    """
    words = read_words(recipe.word_file) if recipe.word_file else NO_WORDS
    rows: list[WordRow] = []
    with ExitStack() as stack:
        run = open_engine(engine, workers, stack) if are_heavy(recipe.sources) else run_here
        indexes, _ = open_sources(recipe.sources, recipe.skip_bad, run, track, recipe.seed)
        for index in indexes:
            starts = range(0, len(index), _CHUNK)
            chunks = ([index[i] for i in range(start, min(start + _CHUNK, len(index)))] for start in starts)
            tasks = (partial(count_names, chunk, recipe.skip_bad) for chunk in chunks)
            counts: Counter[tuple[str, str]] = Counter()
            for some in track(run(tasks), f"reading {index.source.key}", len(starts)):
                counts.update(some)
            rows += make_word_rows(index.source.key, counts, words)
    return rows


def count_names(refs: Sequence[PictureRef], skip_bad: bool) -> Counter[tuple[str, str]]:
    """Count the regions of each category, and the pictures of each scene, by the kind and the name."""
    tally, counts = Tally(skip_bad=skip_bad), Counter[tuple[str, str]]()
    for ref in refs:
        picture = ref.read_picture(tally)
        counts.update(("category", region.category) for region in picture.regions if region.target)
        if picture.scene:
            counts["scene", picture.scene] += 1
    return counts


def make_word_rows(source: str, counts: Counter[tuple[str, str]], words: Words) -> list[WordRow]:
    """The rows of a source in the order in which they are listed."""
    rows = []
    for (kind, name), count in counts.items():
        if kind == "category":
            described = describe_category(name, words)
            says = described.phrase.text if described.phrase else None
            rows.append(WordRow(source, "category", name, says, count, described.origin))
        else:
            scene = describe_scene(name, words)
            rows.append(WordRow(source, "scene", name, scene.text if scene.phrase else None, count, scene.origin))
    order = list(_ORIGINS)
    return sorted(rows, key=lambda row: (row.kind, order.index(row.origin), -row.count, row.name))


def iter_word_lines(rows: Sequence[WordRow], recipe: Recipe) -> Iterator[str]:
    """Yield the rows as lines of text, and the user's words that no source has."""
    for source in dict.fromkeys(row.source for row in rows):
        for kind, counted in (("category", "region"), ("scene", "picture")):
            some = [row for row in rows if (row.source, row.kind) == (source, kind)]
            if not some:
                continue
            counts = Counter(row.origin for row in some)
            unclear = [f"{counts[origin]} {text}" for origin, text in _UNCLEAR.items() if counts[origin]]
            total = f"{len(some)} {'categories' if kind == 'category' else 'scenes'}"
            yield f"{source}: {', '.join([total, *unclear])}"
            width = max(len(_shorten(row.name)) for row in some)
            said = max(len(row.says or "-") for row in some)
            for row in some:
                number = f"{row.count:,} {counted}{'s' if row.count != 1 else ''}"
                company = describe_company(row.name) if row.kind == "category" and row.origin != "user" else ""
                origin = f"{_ORIGINS[row.origin]}, but {company}" if company else _ORIGINS[row.origin]
                yield f"  {_shorten(row.name):{width}}  {row.says or '-':{said}}  {number}  {origin}"
    unused = _list_unused(rows, recipe)
    if unused:
        yield f"{recipe.word_file}: no source has {', '.join(map(repr, unused))}"


_UNCLEAR: dict[Origin, str] = {"unknown": "unknown", "no_thing": "never said"}


def _shorten(name: str) -> str:
    """The name on one line, without its end if it is long."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)
    return printable if len(printable) <= _MAX_WIDTH else f"{printable[: _MAX_WIDTH - 3]}..."


def _list_unused(rows: Sequence[WordRow], recipe: Recipe) -> list[str]:
    """The names and scenes of the words file that no source has."""
    if not recipe.word_file:
        return []
    words = read_words(recipe.word_file)
    met = {(row.kind, make_key(row.name)) for row in rows}
    pairs = [("category", name) for name, _ in words.names] + [("scene", label) for label, _ in words.scenes]
    return [name for kind, name in pairs if (kind, make_key(name)) not in met]
