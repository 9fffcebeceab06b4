"""Visual Genome: objects become regions, descriptions their phrases; every defect that the files have is survived."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scar.accounting import Tally
from scar.annotations import PictureIndex, open_index
from scar.annotations.visual_genome import EVAL_SHARE, choose_split
from scar.errors import BadRecord, InputError
from scar.recipe import Source
from scar.sample import Box, Picture, Relation, Split

TRAIN_IDS = [number for number in range(1, 100) if choose_split(number) == "train"]
FIRST, SECOND = TRAIN_IDS[:2]
HELD = next(number for number in range(1, 1000) if choose_split(number) == "eval")


def thing(number: int, name: str, *box: float, **changes: Any) -> dict[str, Any]:
    x, y, w, h = box or (10, 10, 40, 30)
    entry = {"object_id": number, "names": [name], "synsets": [f"{name}.n.01"], "x": x, "y": y, "w": w, "h": h}
    return entry | {"merged_object_ids": []} | changes


class Genome:
    """Visual-Genome-like files of three images."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image_data: list[dict[str, Any]] = [
            {
                "image_id": number,
                "width": 120,
                "height": 90,
                "url": f"https://cs.stanford.edu/people/rak248/VG_100K_2/{number}.jpg",
                "coco_id": None,
                "flickr_id": 7000 + number,
            }
            for number in (SECOND, FIRST, HELD)
        ]
        self.objects: list[dict[str, Any]] = [
            {
                "image_id": FIRST,
                "image_url": f"https://cs.stanford.edu/people/rak248/VG_100K/{FIRST}.jpg",
                "objects": [thing(5, "man", 10, 10, 40, 60), thing(4, "Wine Glass.", 60, 20, 20, 40)],
            },
            {"image_id": SECOND, "objects": [thing(6, "tree")]},
            {"image_id": HELD, "objects": [thing(7, "dog")]},
        ]
        self.regions: list[dict[str, Any]] = [
            {
                "id": FIRST,
                "regions": [
                    self.description(1, "A man holding a wine glass", 10, 10, 42, 58),
                    self.description(2, "the  wine glass is empty", 60, 20, 20, 40),
                ],
            },
            {"id": SECOND, "regions": [self.description(3, "a tall tree", image_id=SECOND)]},
        ]
        self.relations: list[dict[str, Any]] = [
            {
                "image_id": FIRST,
                "relationships": [
                    {
                        "relationship_id": 1,
                        "predicate": "HOLDING ",
                        "synsets": [],
                        "subject": thing(5, "man"),
                        "object": {"object_id": 4, "name": "wine glass", "x": 1, "y": 1, "w": 2, "h": 2},
                    }
                ],
            }
        ]
        self.files: dict[str, Path] = {}

    @staticmethod
    def description(number: int, phrase: str, *box: float, **changes: Any) -> dict[str, Any]:
        x, y, width, height = box or (10, 10, 40, 30)
        entry = {"region_id": number, "image_id": FIRST, "phrase": phrase, "x": x, "y": y}
        return entry | {"width": width, "height": height} | changes

    def open(self, tally: Tally, split: Split = "train", boxes: str | None = None) -> PictureIndex:
        contents = {
            "image_data": self.image_data,
            "objects": self.objects,
            "region_descriptions": self.regions,
            "relationships": self.relations,
        }
        for name, content in contents.items():
            (self.folder / f"{name}.json").write_text(json.dumps(content))
        files = {name: self.folder / f"{name}.json" for name in contents} | self.files
        options: dict[str, Any] = {"images": self.folder, "files": files, "boxes": boxes}
        return open_index(Source(name="VG", split=split, reader="visual_genome", **options), tally)

    def pictures(self, tally: Tally, split: Split = "train", boxes: str | None = None) -> list[Picture]:
        return [ref.read_picture(tally) for ref in self.open(tally, split, boxes)]


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return Genome(tmp_path)


def test_objects_are_regions_with_what_is_said_of_them(genome: Genome) -> None:
    tally = Tally()
    first, second = genome.pictures(tally)
    assert (first.id, first.file, first.width, first.height) == (FIRST, f"VG_100K_2/{FIRST}.jpg", 120, 90)
    assert [(region.id, region.category, region.phrases) for region in first.regions] == [
        (4, "wine glass", ("the wine glass is empty",)),
        (5, "man", ("A man holding a wine glass",)),
    ]
    assert first.regions[1].box == Box(10, 10, 50, 70)
    assert first.relations == (Relation(5, "holding", 4),)
    assert second.regions[0].phrases == ("a tall tree",)
    assert (tally.records, tally.rejected.total(), tally.ignored.total()) == (3, 0, 0)


def test_a_hash_splits_and_other_images_do_not_matter(genome: Genome) -> None:
    assert [picture.id for picture in genome.pictures(Tally(), "eval")] == [HELD]
    shares = sum(choose_split(number) == "eval" for number in range(20_000)) / 20_000
    assert shares == pytest.approx(EVAL_SHARE, abs=0.006)
    assert [choose_split(number) for number in (1, 2, 3, 2_412_620)] == ["eval", "train", "train", "eval"]


def test_identities_are_those_of_coco_then_of_flickr(genome: Genome) -> None:
    genome.image_data[1]["coco_id"] = 139
    genome.image_data[0].update(flickr_id=None)
    identities = [ref.identity for ref in genome.open(Tally())]
    assert identities == ["coco:139", f"visual_genome:{SECOND}"]
    assert [ref.identity for ref in genome.open(Tally(), "eval")] == [f"flickr:{7000 + HELD}"]


def test_images_of_coco_val_are_in_no_train_split(genome: Genome) -> None:
    genome.image_data[1]["coco_id"] = 139
    genome.files["coco_val"] = genome.folder / "instances_val2017.json"
    genome.files["coco_val"].write_text('{"images": [{"id": 139}, {"id": 285}], "annotations": []}')
    tally = Tally()
    first, second = genome.pictures(tally)
    assert first.regions == ()
    assert len(second.regions) == 1
    assert (tally.records, tally.rejected) == (3, {"coco_val": 2})


@pytest.mark.parametrize("image", [{}, {"id": "7"}, 3, {"id": None, "file_name": "a.jpg"}])
def test_an_image_without_an_id_cannot_be_held_out(genome: Genome, image: Any) -> None:
    genome.files["coco_val"] = genome.folder / "instances_val2017.json"
    genome.files["coco_val"].write_text(json.dumps({"images": [image], "annotations": []}))
    with pytest.raises(InputError, match=r"instances_val2017.json, images\[0\]: .*held out"):
        genome.pictures(Tally(skip_bad=True))


def test_images_of_coco_val_are_known_by_their_names(genome: Genome) -> None:
    genome.image_data[1]["coco_id"] = 139
    genome.files["coco_val"] = genome.folder / "instances_val2017.json"
    content = {"images": [{"id": 1, "file_name": "000000000139.jpg"}], "annotations": []}
    genome.files["coco_val"].write_text(json.dumps(content))
    assert genome.pictures(Tally())[0].regions == ()


def test_captions_of_coco_are_found_by_its_id(genome: Genome) -> None:
    genome.image_data[1]["coco_id"] = 139
    genome.files["coco_captions_val"] = genome.folder / "captions.json"
    captions = [{"image_id": 139, "caption": "A man with a glass. "}, {"image_id": 1, "caption": "Else."}]
    genome.files["coco_captions_val"].write_text(json.dumps({"annotations": captions}))
    assert [picture.captions for picture in genome.pictures(Tally())] == [("A man with a glass.",), ()]


def test_drafts_travel(genome: Genome, travelled: Callable[[Any], Any]) -> None:
    for ref in genome.open(Tally()):
        assert travelled(ref).read_picture(Tally()) == ref.read_picture(Tally())


def test_both_versions_names(genome: Genome) -> None:
    entry = thing(5, "x", 10, 10, 40, 60) | {"name": "Man"}
    del entry["names"], entry["merged_object_ids"], entry["synsets"]
    genome.objects[0] = {"id": FIRST, "objects": [entry]}
    genome.regions[0]["image_id"] = FIRST
    assert genome.pictures(Tally(skip_bad=True))[0].regions[0].category == "man"


def test_relations_of_merged_objects_are_those_of_the_one_that_stays(genome: Genome) -> None:
    genome.objects[0]["objects"][0]["merged_object_ids"] = [55, 56]
    genome.relations[0]["relationships"][0]["subject"]["object_id"] = 56
    genome.relations[0]["relationships"] += [
        {"predicate": "near", "subject": {"object_id": 55}, "object": {"object_id": 5}},
        {"predicate": "holding", "subject": {"object_id": 5}, "object": {"object_id": 4}},
    ]
    tally = Tally()
    assert genome.pictures(tally)[0].relations == (Relation(5, "holding", 4),)
    assert tally.ignored == {"relation_to_itself": 1, "duplicate_relation": 1}


def test_descriptions_without_an_object_and_repeated_ones_are_counted(genome: Genome) -> None:
    genome.regions[0]["regions"] += [
        genome.description(9, "a MAN holding a wine glass", 10, 10, 40, 60),
        genome.description(10, "blue sky", 0, 0, 120, 20),
        genome.description(11, "a man far away", 100, 70, 10, 10),
        genome.description(12, "the manly coat", 10, 10, 40, 60),
    ]
    tally = Tally()
    assert genome.pictures(tally)[0].regions[1].phrases == ("A man holding a wine glass",)
    assert tally.ignored == {"duplicate_phrase": 1, "phrase_no_object": 3}


def first_object(**changes: Any) -> Callable[[Genome], object]:
    return lambda genome: genome.objects[0]["objects"][0].update(changes)


@pytest.mark.parametrize(
    "url",
    ["https://example.org/VG_100K/{}.jpg", "http://example.org/people/rak248/VG_100K_2/{}.jpg?size=big", "{}.jpg"],
)
def test_objects_of_other_ids_are_joined_by_their_url(url: str, genome: Genome) -> None:
    expected = [picture.regions for picture in genome.pictures(Tally())]
    ids = {FIRST: SECOND, SECOND: FIRST, HELD: HELD}
    for entry in genome.objects:
        entry["image_url"] = url.format(entry["image_id"])
        entry["image_id"] = ids[entry["image_id"]]
    tally = Tally()
    assert [picture.regions for picture in genome.pictures(tally)] == expected
    assert tally.repaired == {"entry_by_image_url": 2}


def test_captions_of_other_ids_are_joined_by_the_names_of_coco(genome: Genome) -> None:
    genome.image_data[1]["coco_id"] = 139
    genome.files["coco_captions_val"] = genome.folder / "captions.json"
    content = {
        "images": [{"id": 1, "file_name": "000000000139.jpg"}, {"id": 139, "file_name": "000000000285.jpg"}],
        "annotations": [{"image_id": 1, "caption": "A man with a glass. "}, {"image_id": 139, "caption": "Else."}],
    }
    genome.files["coco_captions_val"].write_text(json.dumps(content))
    tally = Tally()
    assert [picture.captions for picture in genome.pictures(tally)] == [("A man with a glass.",), ()]
    assert tally.repaired == {"caption_by_file_name": 2}


def test_boxes_that_fit_as_sides_are_doubted_and_the_user_may_say_what_they_are(genome: Genome) -> None:
    boxes = [(x, y, 20, 18) for x in (1, 4, 9) for y in (2, 5, 8)]
    genome.objects[1]["objects"] = [thing(100 + i, "tree", x, y, x + w, y + h) for i, (x, y, w, h) in enumerate(boxes)]
    genome.objects[0]["objects"] = [thing(5, "man", 10, 10, 50, 70), thing(4, "wine glass", 9, 20, 45, 60)]
    tally = Tally()
    genome.pictures(tally)
    assert tally.doubts == {"boxes_corners": 2}
    tally = Tally()
    _, second = genome.pictures(tally, boxes="corners")
    assert [region.box.xywh for region in second.regions] == boxes
    assert not tally.doubts


def test_boxes_that_are_corners_are_converted(genome: Genome) -> None:
    boxes = [(x, y, 30, 25) for x in (5, 40, 80) for y in (5, 30, 60)]
    genome.objects[1]["objects"] = [thing(100 + i, "tree", *box) for i, box in enumerate(boxes)]
    genome.objects[0]["objects"] = [thing(5, "man", 10, 10, 50, 70), thing(4, "wine glass", 60, 20, 80, 60)]
    for entry, (x, y, w, h) in zip(genome.objects[1]["objects"], boxes, strict=True):
        entry |= {"w": x + w, "h": y + h}
    tally = Tally()
    first, second = genome.pictures(tally)
    assert first.regions[1].box == Box(10, 10, 50, 70)
    assert [region.box.xywh for region in second.regions] == boxes
    assert tally.repaired == {"box_corners": 11}


DEFECTS: dict[str, tuple[Callable[[Genome], object], str, str, int]] = {
    "negative size": (first_object(w=-3), r"objects\[0\]: box .* has no area", "empty_box", 1),
    "zero size": (first_object(h=0), r"objects\[0\]: box .* has no area", "empty_box", 1),
    "outside": (first_object(x=500), r"objects\[0\]: box .* lies outside", "outside", 1),
    "NaN": (first_object(x=float("nan")), r"objects\[0\]: box .* has no area", "empty_box", 1),
    "no name": (first_object(names=[]), "object 5 has no name", "no_name", 1),
    "second id": (first_object(object_id=4), "a second object has the id 4", "duplicate_id", 1),
    "no id": (first_object(object_id=None), r"objects\[0\]: Expected `int`", "malformed", 1),
    "no object": (lambda genome: genome.objects[0]["objects"].append(3), r"objects\[2\]: Expected", "malformed", 1),
    "no such image": (
        lambda genome: genome.image_data.pop(1),
        f"its image {FIRST} is not in image_data.json",
        "no_image",
        2,
    ),
    "size of the image": (
        lambda genome: genome.image_data[1].update(width=0),
        f"image {FIRST} is said to be 0x90",
        "no_image",
        2,
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_each_defect_of_an_object_is_refused_or_counted(name: str, genome: Genome) -> None:
    change, message, reason, count = DEFECTS[name]
    change(genome)
    genome.relations = []
    with pytest.raises(BadRecord, match=message):
        genome.pictures(Tally())
    tally = Tally(skip_bad=True)
    regions = sum(len(picture.regions) for picture in genome.pictures(tally))
    assert tally.rejected == {reason: count}
    assert tally.records == regions + count


IGNORED: dict[str, tuple[Callable[[Genome], object], str]] = {
    "empty phrase": (lambda genome: genome.regions[0]["regions"][0].update(phrase="  "), "empty_phrase"),
    "negative region": (lambda genome: genome.regions[0]["regions"][0].update(height=-5), "empty_box"),
    "region outside": (lambda genome: genome.regions[0]["regions"][0].update(y=400), "outside"),
    "region without a phrase": (lambda genome: genome.regions[0]["regions"][0].update(phrase=None), "malformed"),
    "regions that are no list": (lambda genome: genome.regions[0].update(regions=3), "malformed"),
    "regions of no image": (lambda genome: genome.regions.append({"regions": []}), "malformed"),
    "regions of a strange image": (lambda genome: genome.regions[0].update(id=TRAIN_IDS[5]), "no_image"),
    "no predicate": (lambda genome: genome.relations[0]["relationships"][0].update(predicate=" "), "empty_relation"),
    "relation to nobody": (
        lambda genome: genome.relations[0]["relationships"][0].update(subject={"object_id": 99}),
        "relation_no_region",
    ),
    "region of another image": (
        lambda genome: genome.regions[0]["regions"][0].update(image_id=SECOND),
        "image_mismatch",
    ),
    "second image": (lambda genome: genome.image_data.append(genome.image_data[1]), "duplicate_image"),
}


@pytest.mark.parametrize("name", IGNORED)
def test_each_other_defect_is_refused_or_ignored(name: str, genome: Genome) -> None:
    change, reason = IGNORED[name]
    change(genome)
    with pytest.raises(BadRecord, match=f"counts it as '{reason}'"):
        genome.pictures(Tally())
    tally = Tally(skip_bad=True)
    assert sum(len(picture.regions) for picture in genome.pictures(tally)) == 3 == tally.records
    assert tally.ignored == {reason: 1}
