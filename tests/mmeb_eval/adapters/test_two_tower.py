"""CLIP, SigLIP and SigLIP 2 of a few numbers: their vectors, their regions, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mmeb_eval.adapters.shared import name_model
from mmeb_eval.cli import app
from mmeb_eval.contract import check
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.data.tasks import GROUPS, tasks
from mmeb_eval.demo.write import write_demo
from mmeb_eval.item import Item, Points
from mmeb_eval.models import load_model
from mmeb_eval.regions.strategies import IMAGE_STRATEGIES, apply_strategy
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.identity import describe_identity
from mmeb_eval.run.results import read_results
from mmeb_eval.toy_items import draw_toy_items
from scar.errors import ContractError, DataError, EvalError
from scar.sample import Box

torch = pytest.importorskip("torch", reason="the adapter needs torch")
transformers = pytest.importorskip("transformers", reason="the adapter needs transformers")


FOLDERS = ("clip", "siglip", "siglip2")
"""Each has a fixture `<name>_folder`; the prefix of siglip2 is siglip."""


@pytest.fixture(scope="module")
def folder(clip_folder: Path) -> Path:
    return clip_folder


@pytest.fixture(scope="module")
def clip(folder: Path) -> Any:
    return load_model(f"clip:{folder}")


@pytest.fixture(params=FOLDERS)
def towers(request: pytest.FixtureRequest) -> Any:
    """Each of the models in turn."""
    path = request.getfixturevalue(f"{request.param}_folder")
    return load_model(f"{request.param.removesuffix('2')}:{path}")


def test_it_keeps_the_contract(towers: Any) -> None:
    assert [finding.text for finding in check(towers)] == [
        "a region that the text names makes no difference: is the text cut? SCaR scores say nothing about regions.",
        "it takes no prompts: the text names the region, and results say region = text.",
    ]  # its tokenizer knows few words, so that the text is cut in front of the region


def test_image_and_text_are_fused_by_the_normalised_sum(towers: Any, tmp_path: Path) -> None:
    image = draw_toy_items(tmp_path)[2].image
    text, picture, both = towers.embed([Item(text="a cup"), Item(image=image), Item(text="a cup", image=image)])
    fused = text + picture
    assert both == pytest.approx(fused / np.linalg.norm(fused), abs=1e-6)


def run_model(folder: Path, text: str, image: Path, **padding: Any) -> Any:
    """What the model of a folder returns for a text and an image, without our code."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokens = transformers.AutoTokenizer.from_pretrained(folder)([text], return_tensors="pt", **padding)
    pixels = transformers.AutoImageProcessor.from_pretrained(folder)([Image.open(image)], return_tensors="pt")
    with torch.no_grad():
        return model(**tokens, **pixels)


def test_vectors_are_those_of_the_model_itself(clip: Any, folder: Path, tmp_path: Path) -> None:
    image = draw_toy_items(tmp_path)[3].image
    assert isinstance(image, Path)
    output = run_model(folder, "a dog", image)
    text, picture = clip.embed([Item(text="a dog"), Item(image=image)])
    assert text == pytest.approx(output.text_embeds[0].numpy(), abs=1e-6)
    assert picture == pytest.approx(output.image_embeds[0].numpy(), abs=1e-6)


def test_a_text_over_the_models_limit_is_cut_and_counted(folder: Path) -> None:
    clip: Any = load_model(f"clip:{folder}")
    assert clip.settings["max_tokens"] == 77
    start = "word " * 15  # 75 letters and two ends are 77 tokens
    items = [Item(text=start + "and on"), Item(text=start + "more"), Item(text="word"), Item(text=start)]
    cut, longer, short, _ = clip.embed(items)
    assert cut == pytest.approx(longer)
    assert not np.allclose(cut, short)
    assert clip.counts(items) == {"texts_cut": 2}
    assert clip.counts(items[2:]) == clip.counts([]) == {"texts_cut": 0}


def test_it_scores_a_corpus_and_the_result_says_how_the_region_was_told(clip: Any, corpus: Path, folder: Path) -> None:
    result = evaluate(clip, find_scar_tasks(corpus)[0])
    assert result.model == f"clip:{folder}"
    assert result.counts["queries"] == 40
    assert result.settings["region"] == "text"
    assert result.settings["embedder"]["max_tokens"] == 77


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_an_image_that_does_not_decode_is_named(clip: Any, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(DataError, match=r"bad.png: not an image that can be decoded"):
        clip.embed([Item(image=tmp_path / "bad.png")])


def test_truncated_and_missing_images_are_named(clip: Any, tmp_path: Path) -> None:
    path = draw_toy_items(tmp_path)[2].image
    assert isinstance(path, Path)
    path.write_bytes(path.read_bytes()[:-40])
    for bad in (path, tmp_path / "gone.png"):
        with pytest.raises(DataError, match=rf"{bad.name}: not an image that can be decoded"):
            clip.embed([Item(image=bad)])


@pytest.mark.parametrize("side", [9_500, 20_000])
def test_a_bomb_is_refused_before_it_is_decoded(clip: Any, tmp_path: Path, side: int) -> None:
    (tmp_path / "bomb.pbm").write_bytes(b"P4 %d %d\n" % (side, side))
    with pytest.raises(DataError, match=r"bomb.pbm: (more than the|9500x9500 pixels; at most) 89,478,485"):
        clip.embed([Item(image=tmp_path / "bomb.pbm")])


def test_other_weights_in_the_same_folder_are_another_revision(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "clip"
    shutil.copytree(folder, own)
    before = load_model(f"clip:{own}")
    assert describe_identity(before) == describe_identity(load_model(f"clip:{own}"))
    model = transformers.CLIPModel.from_pretrained(own)
    with torch.no_grad():
        model.logit_scale += 1
    model.save_pretrained(own)
    assert describe_identity(before) != describe_identity(load_model(f"clip:{own}"))


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"clip:.*: neither a readable local folder nor a model of the hub: \S"):
        load_model(f"clip:{tmp_path}")


def test_a_model_of_another_family_is_refused(tmp_path: Path, folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        if (folder / name).is_file():
            (tmp_path / name).write_bytes((folder / name).read_bytes())
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**small, image_size=32, patch_size=16)).save_pretrained(
        tmp_path
    )
    with pytest.raises(EvalError, match=r"CLIPVisionModel has no text and image towers in one space"):
        load_model(f"clip:{tmp_path}")


@pytest.mark.parametrize(
    ("name", "size"), [("siglip", {"min_pixels": 48 * 48, "max_pixels": 48 * 48}),
                       ("siglip2", {"min_pixels": None, "max_pixels": 12 * 256})]
)  # fmt: skip
def test_siglip_reads_texts_as_it_was_trained_and_says_what_it_sees(
    name: str, size: dict[str, int | None], picture: Path, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(f"{name}_folder")
    siglip: Any = load_model(f"siglip:{path}")
    output = run_model(path, "a dog", picture, padding="max_length", max_length=64)
    text, seen = siglip.embed([Item(text="a dog"), Item(image=picture)])
    assert text == pytest.approx(output.text_embeds[0].numpy(), abs=1e-5)
    assert seen == pytest.approx(output.image_embeds[0].numpy(), abs=1e-5)
    kind = {"siglip": "SiglipImageProcessor", "siglip2": "Siglip2ImageProcessor"}[name]
    revision = siglip.settings["revision"]
    assert siglip.settings == size | {"revision": revision, "processor": kind, "dtype": "float32", "max_tokens": 64}
    assert len(revision) == 16
    assert siglip.counts([Item("a" * 63), Item("a" * 62)]) == {"texts_cut": 1}


def test_a_prompt_is_refused_and_never_passed_over(towers: Any, picture: Path) -> None:
    for prompt in (Box(1, 2, 3, 4), Points(((1, 2),), (1,))):
        with pytest.raises(
            DataError, match=r"takes no such prompt as the item \(image noise.png.* has; give the region with --region"
        ):
            towers.embed([Item("x"), Item("x", picture, prompt)])
    with pytest.raises(DataError, match=r"takes no such prompt"):
        towers.embed_roi([Item("x", picture, Points(((1, 2),), (1,)))])


GRIDS = {"clip": (2, 2), "siglip": (3, 3), "siglip2": (2, 4)}
"""Rows and columns of patches that the 80 x 40 picture becomes."""


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("box", [Box(0, 0, 80, 40), Box(3, 5, 38, 31), Box(41.5, 2.2, 79, 11.9), Box(79, 39, 200, 99)])
def test_a_region_is_the_mean_of_its_pixels_patches_by_the_models_own_head(
    name: str, box: Box, picture: Path, request: pytest.FixtureRequest
) -> None:
    """By brute force: each pixel in the box votes with the patch it lies in."""
    path = request.getfixturevalue(f"{name}_folder")
    model = transformers.AutoModel.from_pretrained(path).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(path)
    image = Image.open(picture)
    rows, columns = GRIDS[name]
    if name == "clip":
        square = {"height": 32, "width": 32}
        pixels = processor([image], size=square, do_center_crop=False, return_tensors="pt")
    else:
        pixels = processor([image], return_tensors="pt")
    vision = model.vision_model
    with torch.no_grad():
        tokens = vision(**pixels).last_hidden_state[0]
        if name == "clip":
            patches = [model.visual_projection(vision.post_layernorm(token)) for token in tokens[1:]]
        else:
            patches = [vision.head(token[None, None])[0] for token in tokens[: rows * columns]]
    votes = [
        patches[int((y + 0.5) / 40 * rows) * columns + int((x + 0.5) / 80 * columns)].numpy()
        for y in range(int(box.y0), min(40, int(np.ceil(box.y1))))
        for x in range(int(box.x0), min(80, int(np.ceil(box.x1))))
    ]
    pooled = np.mean(votes, axis=0)
    towers: Any = load_model(f"{name.removesuffix('2')}:{path}")
    told = apply_strategy(towers, "roi")
    made, whole, words = told.embed([Item(image=picture, prompt=box), Item(image=picture), Item("words")])
    # Where a patch's edge cuts a pixel, the pixel's vote is split between the patches; ours counts areas.
    assert made @ (pooled / np.linalg.norm(pooled)) > 0.9995
    assert made == pytest.approx(pooled / np.linalg.norm(pooled), abs=0.02 if name == "siglip" else 1e-5)
    assert whole == pytest.approx(towers.embed([Item(image=picture)])[0], abs=1e-6)
    assert words == pytest.approx(towers.embed([Item("words")])[0], abs=1e-6)


@pytest.mark.parametrize("strategy", ["text", *IMAGE_STRATEGIES, "roi"])
def test_every_strategy_but_virtues_own_works_and_another_box_is_another_vector(
    towers: Any, strategy: str, picture: Path, corpus: Path
) -> None:
    told = apply_strategy(towers, strategy)
    boxes = (Box(0, 0, 30, 20), Box(50, 20, 80, 40))
    if strategy == "text":
        with pytest.raises(DataError, match="takes no prompt"):
            told.embed([Item(image=picture, prompt=boxes[0])])
    else:
        one, other = told.embed([Item("which?", picture, box) for box in boxes])
        assert np.abs(one - other).max() > 1e-4
    result = evaluate(told, find_scar_tasks(corpus)[0])
    assert result.settings["region"] == strategy
    assert result.model == f"{towers.name}+{strategy}"


def test_another_revision_of_a_hub_model_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(name: str, revision: str | None = None, local_files_only: bool = False) -> Any:
        asked.append((name, revision))
        raise OSError("no such revision\nat all")

    monkeypatch.setattr("mmeb_eval.adapters.two_tower.find_offline", lambda *_: False)
    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", refuse)
    with pytest.raises(EvalError, match=r"clip:some/model@abc: neither .* of the hub: no such revision$"):
        load_model("clip:some/model@abc")
    assert asked == [("some/model", "abc")]


def test_a_model_without_patches_says_so(clip_folder: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip: Any = load_model(f"clip:{clip_folder}")
    monkeypatch.delattr(clip._model, "visual_projection")
    with pytest.raises(EvalError, match="CLIPModel has no patches that could be pooled"):
        apply_strategy(clip, "roi").embed([Item(image=picture, prompt=Box(0, 0, 9, 9))])


def test_clip_is_scored_on_all_41_tasks_and_every_group(
    clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    write_demo(tmp_path / "data", queries=2)
    asked = ["--model", f"clip:{clip_folder}", "--tasks", "all", "--data", str(tmp_path / "data")]
    shown = CliRunner().invoke(app, [*asked, "--output", str(tmp_path / "results")])
    assert shown.exit_code == 0, shown.output
    first_words = [next(iter(line.strip("│┃ ").split()), "") for line in shown.stdout.splitlines()]
    assert [word for word in first_words if word in tasks()] == list(tasks())
    assert set(GROUPS) <= set(shown.stdout.split())
    assert {result.task for result in read_results(tmp_path / "results")} == set(tasks())


def test_a_folder_has_one_name_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("run/ck", "run/ck2"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "latest").symlink_to("run/ck")
    paths = ["run/ck", "./run/ck", "run/ck/", "run//ck", "run/ck2/../ck", str(tmp_path / "run/ck"), "latest", "latest/"]
    assert {name_model(path) for path in paths} == {"run/ck"}
    assert name_model("run/ck2") == "run/ck2"
    monkeypatch.chdir(tmp_path / "run/ck")
    assert name_model(".") == (tmp_path / "run/ck").resolve().as_posix()
    assert name_model("../ck2") == (tmp_path / "run/ck2").resolve().as_posix()
    assert name_model("openai/clip@main") == "openai/clip@main"


def test_no_item_is_refused_in_one_line(towers: Any) -> None:
    with pytest.raises(ContractError, match="embed got no item; give it at least one"):
        towers.embed([])


def test_half_precision_is_an_option_and_stays_near(folder: Path, picture: Path) -> None:
    items = [Item("a cat"), Item("", picture)]
    whole, half = (load_model(f"clip:{folder}{option}") for option in ("", "?dtype=bfloat16"))
    made: Any = half
    assert made.settings["dtype"] == "bfloat16"
    assert half.name == f"{whole.name}?dtype=bfloat16"
    np.testing.assert_allclose(half.embed(items), whole.embed(items), atol=0.05)


def test_metaclip_2_is_a_model_with_two_towers(tmp_path: Path, save_any_towers: Any, picture: Path) -> None:
    save_any_towers(tmp_path, "MetaClip2", 77, {"image_size": 32, "patch_size": 16}, projection_dim=12)
    size = {"height": 32, "width": 32}
    transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size).save_pretrained(tmp_path)
    embedder = load_model(f"two-tower:{tmp_path}")
    assert len({tuple(row) for row in embedder.embed([Item("a cat"), Item("two dogs"), Item("", picture)])}) == 3
    assert [finding for finding in check(embedder) if finding.level == "error"] == []
