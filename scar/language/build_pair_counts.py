"""Write the table `pair_counts.toml`: how often captions name a thing together with a scene or another thing.

Run `python -m scar.language.build_pair_counts captions_val2017.json`. It reads COCO's captions of images with an even
id; those with an odd id are left for tests. It keeps counts of pairs of head nouns, and no sentence.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import chain
from pathlib import Path

import msgspec

from scar.common.files import replace_file
from scar.language.caption_parser import find_named_scenes, has_noun
from scar.language.lexicon import read_person_nouns, read_scenes, read_things

_HEADER = """\
# How many captions name both a scene (scenes.toml) or a thing (things.toml) and another thing: head nouns only.
# Source: COCO 2017 captions of the validation images with an even id (https://cocodataset.org, Lin et al., 2014;
# Chen et al., 2015), CC BY 4.0, counted by `scar.language.build_pair_counts`; changed: no sentence is kept.

"""


def count_pairs(captions: list[str]) -> dict[str, Counter[str]]:
    """Number of captions, by the name of a scene or thing, then by that of another thing; surfaces are things."""
    words = {name: thing.words for name, thing in read_things().items()}
    words["person"] += tuple(chain(*read_person_nouns().values()))
    scenes = [name for name, scene in read_scenes().items() if scene.side != "top" and name not in words]
    counts: dict[str, Counter[str]] = {name: Counter() for name in (*scenes, *words)}
    for caption in captions:
        things = {name for name, nouns in words.items() if has_noun(caption, nouns)}
        for name in counts.keys() & (things | find_named_scenes((caption,))):
            counts[name].update(things - {name})
    return counts


def write_table(counts: dict[str, Counter[str]], path: Path) -> None:
    """Write the counts, in the order of the tables of scenes and things."""
    rows = []
    for scene, things in counts.items():
        known = ", ".join(f'"{name}" = {things[name]}' for name in read_things() if things[name])
        if known:
            rows.append(f'["{scene}"]\nthings = {{ {known} }}\n')
    with replace_file(path) as partial:
        partial.write_text(_HEADER + "".join(rows), encoding="utf-8")


def main(source: Path) -> None:
    """Count the captions of a file of COCO."""
    found = msgspec.json.decode(source.read_bytes())["annotations"]
    captions = [row["caption"] for row in found if row["image_id"] % 2 == 0]
    write_table(count_pairs(captions), Path(__file__).parent / "tables" / "pair_counts.toml")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
