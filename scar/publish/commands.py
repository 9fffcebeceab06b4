"""The commands of `scar` that make a corpus ready for others, send it to the Hub and get it from there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scar.common.terminal import one_line_errors

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A SCaR folder, as `scar build` writes it.")]


@one_line_errors("scar")
def card(
    folder: Folder,
    repo: Annotated[str | None, typer.Option(metavar="ORG/NAME", help="Where it is or will be on the Hub.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Title of the card.  [default: the repository's or folder's name]")
    ] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your own words; may extend the templates of data_cards.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a README.md that was not rendered.")] = False,
) -> None:
    """Render the dataset card and the Croissant file of a folder from its files: README.md and croissant.json."""
    from scar.common.progress import show_progress
    from scar.publish.card import CARD, CROISSANT, write_card

    facts = write_card(folder, name=name, repo=repo, template=template, force=force, track=show_progress)
    typer.echo(f"{facts.name}: {facts.samples:,} samples, {facts.licence.name}: {'; '.join(facts.licence.reasons)}")
    if facts.audit is None:
        typer.echo(f"It has not been audited; `scar audit {folder}` and this command again put the figures in.")
    for written in (CARD, CROISSANT):
        typer.echo(f"  {folder / written}")


@one_line_errors("scar")
def push(
    folder: Folder,
    repo: Annotated[str, typer.Option(metavar="ORG/NAME", help="The data set on the Hub; made if it is not there.")],
    public: Annotated[bool, typer.Option("--public", help="A repository made now is public, not private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; ask the Hub nothing.")] = False,
    revision: Annotated[str, typer.Option(help="Branch to commit to.")] = "main",
    tag: Annotated[str | None, typer.Option(help="A name for what is pushed, as v1.")] = None,
    name: Annotated[str | None, typer.Option(help="Title of the card.  [default: the repository's name]")] = None,
    template: Annotated[Path | None, typer.Option(metavar="FILE", help="Of the card; see `scar card`.")] = None,
    embed_images: Annotated[
        bool, typer.Option("--embed-images", help="Rows with the bytes of their images go along, for the Hub's viewer.")
    ] = False,
) -> None:
    """Upload a corpus to the Hub: contents first, then one commit, checked against local checksums; resumable."""
    from scar.common.progress import show_progress
    from scar.publish.send import send_files
    from scar.publish.upload_files import OWNED_FOLDERS, collect_files

    files, facts = collect_files(
        folder, repo, name=name, template=template, embed_images=embed_images, track=show_progress
    )
    about = [f"licence: {facts.licence.name}: {'; '.join(facts.licence.reasons)}"]
    if embed_images:
        about.insert(0, "images go along: they keep the licences of their makers, see that these let you pass them on")
    send_files(
        files,
        repo,
        "dataset",
        public=public,
        revision=revision,
        tag=tag,
        message=f"{facts.name}: {facts.samples:,} samples",
        owned=OWNED_FOLDERS,
        about=about,
        dry_run=dry_run,
    )


@one_line_errors("scar")
def pull(
    repo: Annotated[
        str, typer.Argument(metavar="ORG/NAME", help="Sony/SCaR-Eval, Sony/SCaR-Train, or a pushed build.")
    ],
    out: Annotated[Path, typer.Option(help="The folder; what is in it stays.")],
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit.  [default: the one that is there, else the newest]")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="What image paths are relative to, if it is not the folder itself.")
    ] = None,
    rows_only: Annotated[bool, typer.Option("--rows-only", help="Leave images out that are embedded in rows.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is in the way, another revision too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; fetch nothing.")] = False,
) -> None:
    """Download a corpus: one commit, resumable, checked; then look at every row, and say what images are missing."""
    from scar.common.progress import show_progress
    from scar.formats.check import check_folder as check_folder
    from scar.publish.checksums import StoredHashes
    from scar.publish.missing_images import find_missing_images, iter_instructions, write_missing_list
    from scar.publish.pull import HASHES, iter_pull_lines
    from scar.publish.pull import plan_pull as plan_pull
    from scar.publish.pull import pull_files as pull_files

    def say(line: str) -> None:
        typer.echo(line, err=True)

    plan = plan_pull(repo, out, revision=revision, rows_only=rows_only, force=force, say=say)
    for line in iter_pull_lines(plan):
        typer.echo(line)
    if dry_run:
        typer.echo("Nothing was fetched.")
        return
    pull_files(plan, track=show_progress, say=say)
    typer.echo(f"{len(plan.pulled.files)} files of {plan.pulled.commit}, all verified")
    checksums = StoredHashes(out / HASHES)
    found = find_missing_images(out, images, sha256=checksums, track=show_progress)
    checksums.save()
    findings = check_folder(out, images, show_progress, {name for each in found for name in each.missing})
    for line in findings.iter_report_lines():
        typer.echo(line)
    for line in iter_instructions(found, out, images):
        typer.echo(line)
    if listed := write_missing_list(found, out):
        typer.echo(f"{listed} names every missing image; the same command looks again.")
    if findings.counts or any(each.changed for each in found):
        raise typer.Exit(2)
