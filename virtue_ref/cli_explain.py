"""The command `virtue explain`."""

from __future__ import annotations

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
    from virtue_ref.explain.explanation import Explanation


def explain(
    image: Annotated[Path, typer.Argument(help="Image file.")],
    out: Annotated[Path, typer.Option(help="Image file to draw into, such as explained.png.")],
    model: Annotated[
        str | None, typer.Option("--model", "--config", help="Model, as for `virtue embed`. Required.")
    ] = None,
    text: Annotated[str, typer.Option(help="Text whose similarity is drawn over the image.")] = "",
    box: BoxOption = None,
    point: PointOption = None,
    mask: MaskOption = None,
    polygon: PolygonOption = None,
    lasso: LassoOption = None,
    scribble: ScribbleOption = None,
    beside: BesideOption = None,
    phrase: PhraseOption = None,
    detector: DetectorOption = None,
    cells: Annotated[
        int, typer.Option(min=1, max=64, help="Cells of the map along the longer side; each costs one embedding.")
    ] = 8,
    device: Annotated[str | None, typer.Option(help="Device such as cpu or cuda:1.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: masks as COCO's run lengths, scores, and the map.")
    ] = False,
) -> None:
    """Draw what a model takes a prompt to mean, and where an image is like a text.

    The mask is the segmenter's. The map has the cosine of the text and a region around each cell, embedded like any
    other region; its colours go from the least to the greatest of this image, so they compare cells, not images.
    """
    with one_line_errors("virtue"):
        from scar.errors import ItemError
        from virtue_ref.embedder import load
        from virtue_ref.explain.explanation import explain_item
        from virtue_ref.explain.picture import draw_explanation
        from virtue_ref.inference.records import read_record
        from virtue_ref.search.sheet import check_picture_path

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
        if not prompt and not text.strip():
            raise ItemError("nothing to explain: give a prompt, such as --box, or a --text to look for.")
        check_picture_path(out)
        item = read_record({"image": image, **prompt}, lambda _: image)
        explanation = explain_item(load(model, device=device, detector=detector), item, text, cells=cells)
        draw_explanation(explanation, out)
    if as_json:
        typer.echo(json.dumps(_make_record(explanation) | {"picture": str(out)}, ensure_ascii=False))
        return
    for line in _describe(explanation):
        typer.echo(line)
    typer.echo(out)


def _describe(explanation: Explanation) -> list[str]:
    from virtue_ref.explain.similarity_map import find_peak

    lines = []
    if explanation.segments is not None:
        pairs = zip(explanation.segments.masks, explanation.segments.scores, strict=True)
        lines += [f"mask of {mask.mean():.1%} of the image, score {score:.3f}" for mask, score in pairs]
    if explanation.similarity is not None:
        x, y = find_peak(explanation.similarity, explanation.size)
        least, most = explanation.similarity.min(), explanation.similarity.max()
        lines.append(f"{explanation.text!r}: cosine {least:.3f} to {most:.3f}, greatest at ({x:.0f}, {y:.0f})")
        if explanation.item.prompt is not None:
            lines.append(f"{explanation.text!r}: cosine {explanation.score:.3f} with the thing")
    return lines


def _make_record(explanation: Explanation) -> dict[str, Any]:
    from scar.sample import Mask

    record: dict[str, Any] = {"image": str(explanation.item.image)}
    if explanation.segments is not None:
        pairs = zip(explanation.segments.masks, explanation.segments.scores.tolist(), strict=True)
        masks = [(Mask.from_array(pixels), score) for pixels, score in pairs]
        record["masks"] = [{"score": score, "size": mask.size, "counts": mask.counts} for mask, score in masks]
    if explanation.similarity is not None:
        record |= {"text": explanation.text, "similarity": explanation.similarity.tolist()}
        record |= {"score": explanation.score} if explanation.item.prompt is not None else {}
    return record
