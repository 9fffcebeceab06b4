"""The commands `virtue index` and `virtue search`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scar.common.terminal import one_line_errors
from virtue_ref.cli_prompts import (
    BesideOption,
    BoxOption,
    DetectorOption,
    LassoOption,
    MaskOption,
    PhraseOption,
    PointOption,
    PolygonOption,
    ScribbleOption,
    make_prompt_record,
)

if TYPE_CHECKING:
    from mmeb_eval.item import Item
    from virtue_ref.search.index import Hit

MODEL_HELP = "Model, as for `virtue embed`. Required."


def index(
    source: Annotated[
        Path,
        typer.Argument(help="An image, a folder of images, a SCaR corpus, or with --images a file of annotations."),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the index.")],
    model: Annotated[str | None, typer.Option("--model", "--config", help=MODEL_HELP)] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of the images of annotations, such as COCO's.")] = None,
    reader: Annotated[
        str | None, typer.Option(help="Format of the annotations, as for `scar build`; found out by default.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Pass over annotations that cannot be used, and count them.")
    ] = False,
    text: Annotated[
        str | None, typer.Option(help="Text that goes with each image or region; by default SCaR's question.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="Number format of the stored vectors: float16 or float32.")] = "float16",
    graph: Annotated[
        bool, typer.Option("--graph", help="Add a graph for approximate search of millions; needs usearch.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="Device such as cpu or cuda:1; cuda:0,cuda:1 shares the work out.")
    ] = None,
) -> None:
    """Embed images, or regions of images, into a folder that `virtue search` searches.

    Regions are the boxes of annotations or of a corpus. The same command resumes a stopped run. entries.parquet in the
    folder has the columns id, text, image, box and vector for other programs.
    """
    with one_line_errors("virtue"):
        from virtue_ref.device_group import load_on
        from virtue_ref.search.entries import list_passed_over, read_entries
        from virtue_ref.search.index import INSTRUCTION, build_index

        entries = read_entries(source, images, reader=reader, skip_bad=skip_bad)
        embedder = load_on(model, device)
        instruction = INSTRUCTION if text is None else text
        built = build_index(embedder, entries, out, instruction=instruction, dtype=dtype, graph=graph)
    for line in list_passed_over(entries.tally):
        typer.echo(line, err=True)
    typer.echo(f"{len(built)} entries of {built.about.dim} dimensions by {embedder.name} in {out}")


def search(
    folder: Annotated[Path, typer.Argument(help="Folder that `virtue index` wrote.")],
    text: Annotated[str, typer.Argument(help="Text to search for; with --image, half of the query.")] = "",
    model: Annotated[str | None, typer.Option("--model", "--config", help=MODEL_HELP)] = None,
    image: Annotated[Path | None, typer.Option(help="Image to search for.")] = None,
    box: BoxOption = None,
    point: PointOption = None,
    mask: MaskOption = None,
    polygon: PolygonOption = None,
    lasso: LassoOption = None,
    scribble: ScribbleOption = None,
    beside: BesideOption = None,
    phrase: PhraseOption = None,
    detector: DetectorOption = None,
    text_weight: Annotated[float, typer.Option(help="Weight of the text beside an image, 0 to 1.")] = 0.5,
    top: Annotated[int, typer.Option(min=1, help="Number of hits.")] = 10,
    images: Annotated[Path | None, typer.Option(help="Folder of the index's images, if they were moved.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every entry although there is a graph.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Image file to draw the query and its hits into.")] = None,
    device: Annotated[str | None, typer.Option(help="Device such as cpu or cuda:1.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Search an index by text, image, region of an image, or text and image together."""
    with one_line_errors("virtue"):
        from scar.errors import ConfigError
        from virtue_ref.embedder import load
        from virtue_ref.search.files import read_about
        from virtue_ref.search.index import open_index

        read_about(folder)  # a wrong folder is told before the model loads
        if not 0 <= text_weight <= 1:
            raise ConfigError(f"--text-weight {text_weight}: it is 0 to 1.")
        prompt = make_prompt_record(
            box=box,
            point=point,
            mask=mask,
            polygon=polygon,
            lasso=lasso,
            scribble=scribble,
            beside=beside,
            phrase=phrase,
        )
        item = _make_item(image, prompt)
        if not text and item is None:
            raise ConfigError("nothing to search for: give a text, --image, or both.")
        query: Any = text if item is None else item
        if text and item is not None:
            query = [(text, text_weight), (item, 1 - text_weight)]
        hits = open_index(folder, load(model, device=device, detector=detector), images).search(query, top, exact=exact)
        gone = [hit.image for hit in hits if not hit.image.exists()]
        if gone:
            told = f"the images of {len(gone)} of {len(hits)} hits are gone, such as {gone[0]}"
            typer.echo(f"virtue: {told}; index again, or name their folder with --images.", err=True)
        if picture is not None:
            from virtue_ref.search.sheet import draw_hits

            draw_hits(hits, picture, text if item is None else item)
    _print_hits(hits, as_json)


def _make_item(image: Path | None, prompt: dict[str, Any]) -> Item | None:
    """The item of the options; None without any."""
    from scar.errors import ItemError
    from virtue_ref.inference.records import read_record

    if image is None and not prompt:
        return None
    if image is None:
        raise ItemError("a region without an image: name it with --image.")
    return read_record({"image": image, **prompt}, lambda _: image)


def _print_hits(hits: list[Hit], as_json: bool) -> None:
    if as_json:
        records = [dataclasses.asdict(hit) | {"image": str(hit.image), "box": _list_box(hit)} for hit in hits]
        typer.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    for rank, hit in enumerate(hits, start=1):
        corners = "" if hit.box is None else f" ({', '.join(f'{corner:g}' for corner in _list_box(hit) or ())})"
        typer.echo(f"{rank:3} {hit.score:7.4f}  {hit.id}  {hit.image}{corners}  {hit.text}")


def _list_box(hit: Hit) -> list[float] | None:
    return None if hit.box is None else [hit.box.x0, hit.box.y0, hit.box.x1, hit.box.y1]
