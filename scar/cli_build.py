"""The command `scar build`: it parses options, builds or lists, and prints."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from scar.cli_chat import CHAT_OPTIONS, ChatOptions, make_estimating_generator, open_generator
from scar.cli_options import list_given_options, make_recipe, parse_files, parse_image_count, refuse_options
from scar.common.terminal import MAX_SEED, one_line_errors, refuse_infinity
from scar.errors import InputError

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@one_line_errors("scar")
def build_sources(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(help="The folder of the corpus; sources that it already holds are kept.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE.toml | NAME | demo]",
            help="A recipe file, the name of a recipe that --list shows, or the drawn demo.",
        ),
    ] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="List the recipes of the package.")] = False,
    data_root: Annotated[
        Path | None, typer.Option(help="The folder that holds the data sets which a recipe names.")
    ] = None,
    instances: Annotated[
        Path | None,
        typer.Option(help="The annotations: a COCO-style JSON, or a file of the format that --reader names."),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="Captions of the same images: COCO's JSON, a list, JSON lines or a table.")
    ] = None,
    reader: Annotated[
        Literal[
            "coco",
            "panoptic",
            "labelme",
            "yolo",
            "voc",
            "dota",
            "label_studio",
            "createml",
            "via",
            "refcoco",
            "visual_genome",
            "ade20k",
        ]
        | None,
        typer.Option(show_default="recognised from the files", help="The format of the annotations."),
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="Another file of the format, such as refs=..., stuff=... or masks=..."),
    ] = None,
    images: Annotated[
        str | None, typer.Option(metavar="DIR", help="The image folder; for the demo, the number of images of a split.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The name of the source; the corpus's file names contain it.")
    ] = None,
    split: Annotated[
        Literal["train", "eval"] | None,
        typer.Option(help="The split of the source; files of train and of eval have different columns."),
    ] = None,
    split_by: Annotated[
        Literal["image"] | None,
        typer.Option(help="Instead of --split: divide the images into train and eval by a hash of their ids or names."),
    ] = None,
    eval_share: Annotated[
        float | None, typer.Option(show_default="0.1", help="With --split-by, the share of the images in eval.")
    ] = None,
    overlap: Annotated[
        Literal["refuse", "drop-train", "keep"] | None,
        typer.Option(
            show_default="the recipe's, or refuse", help="What to do with train images that an eval split also has."
        ),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="The licence of the annotations; the provenance records it.")
    ] = None,
    max_per_image: Annotated[
        int | None, typer.Option(show_default="5", help="The largest number of samples per image.")
    ] = None,
    min_side: Annotated[
        float | None,
        typer.Option(show_default="16", callback=refuse_infinity, help="The shortest allowed side of a box in pixels."),
    ] = None,
    min_area_share: Annotated[
        float | None,
        typer.Option(show_default="0.005", help="The smallest allowed share of the image that a box covers."),
    ] = None,
    frame: Annotated[
        Literal["stored", "displayed"] | None,
        typer.Option(
            show_default="the one whose size the annotations give",
            help="Whether boxes on images that EXIF turns are in pixels of the stored or the displayed image.",
        ),
    ] = None,
    boxes: Annotated[
        str | None,
        typer.Option(
            metavar="LAYOUT[-UNIT]",
            show_default="found out",
            help="What boxes are: xywh, corners, center, yxhw or yx-corners, with -shares, -percent or -thousandths.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=MAX_SEED, show_default="the recipe's, or 0", help="The seed of every random choice."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Drop and count records that cannot be used, instead of stopping.")
    ] = False,
    images_mode: Annotated[
        Literal["link", "copy"], typer.Option(help="Whether the corpus gets hard links to the images, or copies.")
    ] = "link",
    decode_images: Annotated[
        bool,
        typer.Option("--decode-images", help="Decode every image, instead of checking its first and last bytes only."),
    ] = False,
    max_pixels: Annotated[
        int | None,
        typer.Option(min=1, show_default="89,478,485", help="The largest number of pixels of an image."),
    ] = None,
    parser: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default="the small English model", help="The spaCy pipeline for captions."),
    ] = None,
    parses: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder that keeps parsed captions for the next build.")
    ] = None,
    word_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default="the recipe's", help="A TOML file of your words for categories and scenes."
        ),
    ] = None,
    decisions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Decisions of `scar review --export`: leave out and edit samples as it says."
        ),
    ] = None,
    generator: Annotated[
        Literal["rules", "openai", "transformers"],
        typer.Option(help="Who writes captions: the rules, a chat server, or a local vision-language model."),
    ] = "rules",
    chat_mode: Annotated[
        Literal["complete", "write", "judge"],
        typer.Option(
            help="What the model does: captions that the rules lack, all captions, or judging those of the rules."
        ),
    ] = "complete",
    chat_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name of the model, or the folder of a local one.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(show_default="OpenAI's", help="The address of an OpenAI-compatible server.")
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default="ledger.sqlite beside OUT", help="The file that keeps every reply of a model."
        ),
    ] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Ask nothing: the ledger must have every reply.")] = False,
    budget: Annotated[
        str | None, typer.Option(help="The most to spend: '500 requests', '2e6 tokens' or, with --price, '5 money'.")
    ] = None,
    price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="Money for a million tokens read, and written.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1024, help="The most requests at once.")] = 16,
    batch: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Send requests as files to the Batch API; DIR keeps them until answers come."),
    ] = None,
    words: Annotated[
        bool, typer.Option("--words", help="Build nothing: list what captions will say for categories and scenes.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Build nothing: say what would become of the records, and show captions.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Build again even if nothing changed; replace a build that had other inputs or settings."
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, show_default="the number of cores; 1 for the demo", help="The number of processes."),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Build on this machine, or on a Ray cluster.")
    ] = "local",
    as_json: JsonOption = False,
) -> None:
    """Build samples from annotated images. They come from COCO-style files, a recipe's sources, or the drawn demo."""
    import msgspec

    from scar.build import build as build_recipe
    from scar.build.preview import iter_preview_lines, preview_build
    from scar.build.report_text import iter_report_lines
    from scar.build.word_list import iter_word_lines, list_words
    from scar.common.images import limit_pixels
    from scar.common.progress import show_progress
    from scar.formats.build_report import REPORT_NAME
    from scar.recipe import list_built_in

    if max_pixels is not None:
        context.with_resource(limit_pixels(max_pixels))
    if list_recipes:
        refuse_options(list_given_options(context) - {"list_recipes"}, "--list takes nothing else")
        for title, about in {"demo": "a drawn world, offline", **list_built_in()}.items():
            typer.echo(f"{title}: {about}")
        return
    if out is None and not words and not plan:
        raise InputError("missing --out; give the folder to build into.")
    source = {
        "instances": instances and str(instances),
        "captions": captions and str(captions),
        "reader": reader,
        "files": parse_files(file),
        "images": images,
        "name": name,
        "split": split,
        "licence": licence,
        "max_per_image": max_per_image,
        "min_side": min_side,
        "min_area_share": min_area_share,
        "frame": frame,
        "boxes": boxes,
        "split_by": split_by,
        "eval_share": eval_share,
    }
    given = {option: value for option, value in source.items() if value is not None}
    chat = ChatOptions(generator, chat_mode, chat_model, base_url, ledger, replay, budget, price, concurrency, batch)
    if generator == "rules":
        refuse_options(list_given_options(context) & CHAT_OPTIONS, "it belongs to --generator openai or transformers")
    elif recipe == "demo" or words:
        refuse_options({"generator"}, "the demo and --words ask no model")
    else:
        refuse_options({"workers"} if workers not in (None, 1) else (), "a build that asks a model is one process")
        refuse_options({"engine"} if engine != "local" else (), "a build that asks a model is one process")
        workers = 1
    workers = workers or (1 if recipe == "demo" else os.cpu_count() or 1)
    if recipe != "demo":
        wanted = make_recipe(recipe, given, seed, skip_bad, data_root)
        wanted = msgspec.structs.replace(
            wanted,
            decode_images=wanted.decode_images or decode_images,
            overlap=overlap or wanted.overlap,
            word_file=word_file or wanted.word_file,
            parser=parser or wanted.parser,
            parses=parses or wanted.parses,
            decisions=decisions or wanted.decisions,
        )
        if plan:
            writer = make_estimating_generator(chat, wanted.parser)
            previews = preview_build(wanted, workers, engine, show_progress, writer)
            lines = [json.dumps(msgspec.to_builtins(previews))] if as_json else iter_preview_lines(previews, wanted)
            for line in lines:
                typer.echo(line)
            return
        if words or out is None:
            rows = list_words(wanted, workers, engine, show_progress)
            lines = [json.dumps(msgspec.to_builtins(rows), indent=2)] if as_json else iter_word_lines(rows, wanted)
            for line in lines:
                typer.echo(line)
            return
    elif out is None:
        raise InputError("--words, --plan: the demo draws its own world; leave the option out, and give --out.")
    before = _read_state(out / REPORT_NAME)
    if recipe == "demo":
        from scar.demo.corpus import build_demo

        switches = {"skip_bad": skip_bad, "decode_images": decode_images, "engine": engine != "local"}
        named: dict[str, object] = {"data_root": data_root, "word_file": word_file, "parser": parser, "parses": parses}
        named |= {"overlap": overlap, "max_pixels": max_pixels, "decisions": decisions}
        switches |= {"words": words, "plan": plan, **{option: value is not None for option, value in named.items()}}
        useless = {option for option, is_given in switches.items() if is_given}
        refuse_options(useless | (given.keys() - {"images"}), "the demo draws its own images")
        report = build_demo(
            out,
            parse_image_count(images),
            seed or 0,
            images_mode=images_mode,
            force=force,
            workers=workers,
            track=show_progress,
        )
    else:
        with open_generator(chat, wanted, out, force, partial(typer.echo, err=True)) as writer:
            report = build_recipe(
                wanted,
                out,
                generator=writer,
                images_mode=images_mode,
                force=force,
                workers=workers,
                engine=engine,
                track=show_progress,
            )
    if before is not None and before == _read_state(out / REPORT_NAME):
        typer.echo(f"{out}: nothing to do, it holds this build already; --force builds it again.", err=True)
    if as_json:
        typer.echo(json.dumps(report, indent=2, sort_keys=True))
        return
    for line in iter_report_lines(report, out):
        typer.echo(line)


def _read_state(path: Path) -> tuple[int, int] | None:
    """By what one sees that a file was written anew: its time and inode; None if it does not exist."""
    return (path.stat().st_mtime_ns, path.stat().st_ino) if path.is_file() else None
