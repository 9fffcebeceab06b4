"""Write invented files in the format of Visual Genome."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from invented_pictures import (
    SCENES,
    SIZES,
    WORDS,
    draw_count,
    iter_boxes,
    make_jpeg,
    make_photo,
    make_rng,
    make_sentence,
    scale_count,
)

GENOME, GENOME_OF_COCO = 108_077, 51_208


def write_genome(root: Path, scale: float, coco_numbers: Sequence[int]) -> None:
    """Write the four annotation files of Visual Genome; each has an entry for every image."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "VG_100K").mkdir(exist_ok=True)
    names = ("image_data", "objects", "region_descriptions", "relationships")
    files = [(root / f"{name}.json").open("w", encoding="utf-8", buffering=1 << 20) for name in names]
    of_coco = iter(make_rng("genome").sample(coco_numbers, k=scale_count(GENOME_OF_COCO, scale)))
    count = scale_count(GENOME, scale)
    for number in range(1, count + 1):
        coco_number = next(of_coco, None) if number % 2 else None
        for file, record in zip(files, format_genome_entries(number, coco_number), strict=True):
            file.write(("[" if number == 1 else ", ") + record)
        size = make_photo(coco_number).size if coco_number else SIZES[number % len(SIZES)]
        (root / "VG_100K" / f"{number}.jpg").write_bytes(make_jpeg(size))
    for file in files:
        file.write("]")
        file.close()


def format_genome_entries(number: int, coco_number: int | None) -> tuple[str, str, str, str]:
    """Entries of an image in the four files: image data, objects, descriptions and relationships."""
    rng = make_rng("genome", number)
    size = make_photo(coco_number).size if coco_number else SIZES[number % len(SIZES)]
    scene = make_photo(coco_number).scene if coco_number else rng.randrange(len(SCENES))
    vocabulary = [*SCENES[scene]["things"], *rng.sample(WORDS["nouns"], k=14)]
    things, phrases = [], []
    for index, (x, y, w, h) in enumerate(iter_boxes(rng, 4 + draw_count(rng, 31.0), size)):
        noun = rng.choice(vocabulary)
        name = f"{rng.choice(WORDS['modifiers'])} {noun}" if rng.random() < 0.15 else noun
        things.append(
            (number * 1000 + index, name, f'"x": {int(x)}, "y": {int(y)}, "w": {int(w) + 1}, "h": {int(h) + 1}')
        )
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            phrase = make_sentence(rng.choice(WORDS["phrases"]), rng, scene, [name, *vocabulary[:3]])
            wide, high = int(w * (0.9 + 0.2 * rng.random())) + 1, int(h * (0.9 + 0.2 * rng.random())) + 1
            phrases.append((phrase, f'"x": {int(x)}, "y": {int(y)}, "width": {wide}, "height": {high}'))
    url = f"https://cs.stanford.edu/people/rak248/VG_100K/{number}.jpg"
    coco_id = make_photo(coco_number).id if coco_number else "null"
    image = (
        f'{{"width": {size[0]}, "url": "{url}", "height": {size[1]}, "image_id": {number}, "coco_id": {coco_id}, '
        f'"flickr_id": {number + 10**9}}}'
    )
    objects = ", ".join(
        f'{{"synsets": ["{name.split()[-1]}.n.01"], {box}, "object_id": {key}, "merged_object_ids": [], '
        f'"names": ["{name}"]}}'
        for key, name, box in things
    )
    regions = ", ".join(
        f'{{"region_id": {number * 1000 + index}, {box}, "image_id": {number}, "phrase": "{phrase}"}}'
        for index, (phrase, box) in enumerate(phrases)
    )
    pairs = [
        (rng.choice(things), rng.choice(things), rng.choice(WORDS["predicates"])) for _ in range(draw_count(rng, 21.0))
    ]
    relations = ", ".join(
        f'{{"predicate": "{predicate}", "object": {{"name": "{b[1]}", {b[2]}, "object_id": {b[0]}, "synsets": []}}, '
        f'"relationship_id": {number * 1000 + index}, "synsets": ["be.v.01"], '
        f'"subject": {{"name": "{a[1]}", {a[2]}, "object_id": {a[0]}, "synsets": []}}}}'
        for index, (a, b, predicate) in enumerate(pairs)
    )
    return (
        image,
        f'{{"image_id": {number}, "objects": [{objects}], "image_url": "{url}"}}',
        f'{{"regions": [{regions}], "id": {number}}}',
        f'{{"relationships": [{relations}], "image_id": {number}}}',
    )
