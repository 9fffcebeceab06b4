"""The CLIP adapter on a model of a few numbers, made here with random weights and a byte-level tokenizer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.check import check, toy_items
from mmeb_eval.data import scar_folder
from mmeb_eval.embedder import Item
from mmeb_eval.errors import DataError, EvalError
from mmeb_eval.evaluate import evaluate
from mmeb_eval.identity import identity
from mmeb_eval.models import load_model

torch = pytest.importorskip("torch", reason="the adapter needs torch")
transformers = pytest.importorskip("transformers", reason="the adapter needs transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    path = tmp_path_factory.mktemp("clip")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    start, end = vocabulary["<|startoftext|>"], vocabulary["<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", start), ("<|endoftext|>", end)]
    )
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(path)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"vocab_size": len(vocabulary), "max_position_embeddings": 77, "bos_token_id": start, "eos_token_id": end}
    config = transformers.CLIPConfig(
        text_config={**small, **text}, vision_config={**small, "image_size": 32, "patch_size": 16}, projection_dim=12
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.CLIPModel(config).save_pretrained(path)
    transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        path
    )
    return path


@pytest.fixture(scope="module")
def clip(folder: Path) -> Any:
    return load_model(f"clip:{folder}")


def test_it_keeps_the_contract(clip: Any) -> None:
    assert [finding.text for finding in check(clip)] == [
        "it takes no prompts: the text tells the region, and results say so (region = text)."
    ]


def test_image_and_text_are_fused_by_the_normalised_sum(clip: Any, tmp_path: Path) -> None:
    image = toy_items(tmp_path)[2].image
    text, picture, both = clip.embed([Item(text="a cup"), Item(image=image), Item(text="a cup", image=image)])
    fused = text + picture
    assert both == pytest.approx(fused / np.linalg.norm(fused), abs=1e-6)


def test_vectors_are_those_of_the_model_itself(clip: Any, folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    image = toy_items(tmp_path)[3].image
    assert image is not None
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(["a dog"], return_tensors="pt")
    pixels = transformers.AutoImageProcessor.from_pretrained(folder)([Image.open(image)], return_tensors="pt")
    with torch.no_grad():
        output = model(**tokens, **pixels)
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
    result = evaluate(clip, scar_folder(corpus)[0])
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
    path = toy_items(tmp_path)[2].image
    assert path is not None
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
    assert identity(before) == identity(load_model(f"clip:{own}"))
    model = transformers.CLIPModel.from_pretrained(own)
    with torch.no_grad():
        model.logit_scale += 1
    model.save_pretrained(own)
    assert identity(before) != identity(load_model(f"clip:{own}"))


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
