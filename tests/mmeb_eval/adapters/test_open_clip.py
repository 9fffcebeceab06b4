"""open_clip: a model of a few numbers in a folder as the library keeps it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.contract import check
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import Item
from mmeb_eval.models import load_model
from scar.errors import EvalError

library = pytest.importorskip("open_clip", reason="needs `pip install 'scar-virtue[open-clip]'`")
torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from safetensors.torch import save_file

    config = {
        "embed_dim": 12,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    path = tmp_path_factory.mktemp("open-clip")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = library.CLIP(**config)
    save_file(model.state_dict(), path / "open_clip_model.safetensors")
    sizes = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "shortest"}
    (path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": sizes}))
    return path


def test_it_gives_the_vectors_of_its_library(folder: Path, picture: Path) -> None:
    embedder: Any = load_model(f"open_clip:local-dir:{folder}")
    model, transform = library.create_model_from_pretrained(f"local-dir:{folder}")
    tokenizer = library.get_tokenizer(f"local-dir:{folder}")
    with torch.inference_mode():
        text = model.eval().encode_text(tokenizer(["a cat"]), normalize=True).numpy()
        image = model.encode_image(transform(open_rgb(picture))[None], normalize=True).numpy()
    both = (text + image) / np.linalg.norm(text + image)
    made = embedder.embed([Item("a cat"), Item("", picture), Item("a cat", picture)])
    np.testing.assert_allclose(made, np.concatenate([text, image, both]), atol=1e-5)
    settings = embedder.settings
    assert (settings["max_tokens"], settings["max_pixels"], settings["dtype"]) == (16, 1024, "float32")
    assert len(settings["revision"]) == 16


def test_texts_that_are_cut_are_counted(folder: Path) -> None:
    embedder: Any = load_model(f"open_clip:local-dir:{folder}")
    texts = ["", "cat " * 14, "cat " * 15]
    assert embedder.counts([Item(text) for text in texts]) == {"texts_cut": 1}


def test_it_keeps_the_contract(folder: Path) -> None:
    assert [each for each in check(load_model(f"open_clip:local-dir:{folder}")) if each.level == "error"] == []


def test_a_bare_name_wants_weights(folder: Path) -> None:
    with pytest.raises(EvalError, match=r"open_clip:RN50: which weights\? Write open_clip:RN50\?pretrained=NAME, such"):
        load_model("open_clip:RN50")
    with pytest.raises(EvalError, match=r"option precison: .* it takes pretrained, precision"):
        load_model(f"open_clip:local-dir:{folder}?precison=bf16")
    with pytest.raises(EvalError, match=r"open_clip:local-dir:nowhere"):
        load_model("open_clip:local-dir:nowhere")
