"""The command that builds a recipe in small shards and two processes."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from scar import Recipe

IMAGES = 14

SCRIPT = """
import time
from scar.build import plan
from scar.cli import app
from scar.build.shard_store import ShardStore

def put(store, number, content, put=ShardStore.write_shard):
    put(store, number, content)
    time.sleep(0.05)  # so that a signal finds the build at work

ShardStore.write_shard = put
plan.SHARD_IMAGES = 2
if __name__ == "__main__":
    app()
"""


def make_command(recipe: Recipe, out: Path, *options: str) -> list[str]:
    """The build of the recipe as a command, in small shards and two processes."""
    script, table = out.parent / "scar_small.py", out.parent / "recipe.toml"
    script.write_text(textwrap.dedent(SCRIPT))
    lines = [f"seed = {recipe.seed}"]
    for source in recipe.sources:
        lines += ["[[source]]", f'name = "{source.name}"', f'split = "{source.split}"', f'images = "{source.images}"']
        lines += [f'{role} = "{path}"' for role, path in source.inputs.items()]
    table.write_text("\n".join(lines))
    return [sys.executable, str(script), "build", str(table), "--out", str(out), "--workers", "2", *options]
