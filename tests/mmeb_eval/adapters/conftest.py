"""Models of a few numbers with random weights, saved to folders as their libraries save them: no hub is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the adapters need torch")
transformers = pytest.importorskip("transformers", reason="the adapters need transformers")

START, END = "<|startoftext|>", "<|endoftext|>"
GEMMA = ("<unk>", "<pad>", "<bos>", "<eos>", "<mask>")
"""Tokens that SigLIP 2's tokenizer class wants in every vocabulary."""

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}

torch.set_num_threads(1)


def save_tokenizer(path: Path, longest: int) -> dict[str, int]:
    """A tokenizer of bytes between a start and an end; returns its special ids and the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate([*letters, START, END, *GEMMA])}
    ids = {"bos_token_id": vocabulary[START], "eos_token_id": vocabulary[END], "vocab_size": len(vocabulary)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, ids["bos_token_id"]), (END, ids["eos_token_id"])]
    )
    names = {"bos_token": START, "eos_token": END, "pad_token": END, "model_max_length": longest}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(path)
    return ids


def save_model(path: Path, kind: Any, config: Any) -> None:
    """A model of that config, the same on every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = kind(config)
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.2)  # such that no two things look alike
        model.save_pretrained(path)


def save_towers(path: Path, family: str, longest: int, vision: dict[str, int], **options: Any) -> None:
    """Tokenizer, text tower and image tower of a family of transformers."""
    text = {**SMALL, **save_tokenizer(path, longest), "max_position_embeddings": longest}
    config = getattr(transformers, f"{family}Config")
    made = config(text_config=text, vision_config={**SMALL, **vision}, **options)
    save_model(path, getattr(transformers, f"{family}Model"), made)


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[[Path, int], dict[str, int]]:
    """`save_tokenizer`, for tests with models of their own."""
    return save_tokenizer


@pytest.fixture(scope="session")
def make_model() -> Callable[[Path, Any, Any], None]:
    """`save_model`, likewise."""
    return save_model


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CLIP with 2 x 2 patches of a centre crop."""
    path = tmp_path_factory.mktemp("clip")
    save_towers(path, "CLIP", 77, {"image_size": 32, "patch_size": 16}, projection_dim=12)
    transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        path
    )
    return path


@pytest.fixture(scope="session")
def siglip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SigLIP with 3 x 3 patches of the squashed picture."""
    path = tmp_path_factory.mktemp("siglip")
    save_towers(path, "Siglip", 64, {"image_size": 48, "patch_size": 16})
    transformers.SiglipImageProcessor(size={"height": 48, "width": 48}).save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def siglip2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SigLIP 2 of flexible resolution, with at most 12 patches of a picture in its own shape."""
    path = tmp_path_factory.mktemp("siglip2")
    save_towers(path, "Siglip2", 64, {"num_patches": 16, "patch_size": 16})
    transformers.Siglip2ImageProcessor(patch_size=16, max_num_patches=12).save_pretrained(path)
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Noise, twice as wide as high."""
    import numpy as np
    from PIL import Image

    path = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)).save(path)
    return path
