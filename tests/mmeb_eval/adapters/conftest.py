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
def save_any_towers() -> Callable[..., None]:
    """`save_towers`, likewise."""
    return save_towers


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


TURNS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
         "<|video_pad|>")  # fmt: skip
"""Special tokens of Qwen's tokenizers."""

CHAT = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n"
    "{% if turn.content is string %}{{ turn.content }}{% else %}{% for part in turn.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A chat template in the form of Qwen's."""


def save_qwen_tokenizer(path: Path) -> dict[str, int]:
    """A tokenizer of bytes and of Qwen's special tokens, in Qwen's class; returns the ids of its tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {token: at for at, token in enumerate([*sorted(pre_tokenizers.ByteLevel.alphabet()), *TURNS])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "additional_special_tokens": list(TURNS[1:])}
    transformers.Qwen2TokenizerFast(tokenizer_object=tokenizer, model_max_length=4096, **names).save_pretrained(path)
    return vocabulary


@pytest.fixture(scope="session")
def save_qwen_tokens() -> Callable[[Path], dict[str, int]]:
    """`save_qwen_tokenizer`, for tests with models of their own."""
    return save_qwen_tokenizer


@pytest.fixture(scope="session")
def qwen3_vl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Qwen3-VL of a few numbers in a folder named as the embedder's, with last-token pooling."""
    library = pytest.importorskip("sentence_transformers")
    path = tmp_path_factory.mktemp("qwen")
    ids = save_qwen_tokenizer(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    images = transformers.Qwen2VLImageProcessor(patch_size=16, merge_size=2, min_pixels=1024, max_pixels=16384)
    transformers.Qwen3VLProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=transformers.Qwen3VLVideoProcessor(),
        chat_template=CHAT,
    ).save_pretrained(path)
    rope = {"rope_type": "default", "mrope_section": [4, 2, 2], "rope_theta": 10000.0, "mrope_interleaved": True}
    text: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    text |= {"num_key_value_heads": 2, "head_dim": 16, "vocab_size": len(ids), "rope_parameters": rope}
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 16,
              "out_hidden_size": 32, "num_position_embeddings": 64, "deepstack_visual_indexes": [0]}  # fmt: skip
    names = ("image", "video")
    pads = {f"{name}_token_id": ids[f"<|{name}_pad|>"] for name in names}
    ends = {f"vision_{end}_token_id": ids[f"<|vision_{end}|>"] for end in ("start", "end")}
    config = transformers.Qwen3VLConfig(text_config=text, vision_config=vision, **pads, **ends)
    save_model(path, transformers.Qwen3VLModel, config)
    saved = tmp_path_factory.mktemp("hub") / "Qwen3-VL-Embedding-tiny"
    modules = library.sentence_transformer.modules
    library.SentenceTransformer(
        modules=[modules.Transformer(str(path)), modules.Pooling(32, pooling_mode="lasttoken")], device="cpu"
    ).save_pretrained(str(saved), create_model_card=False)
    return saved
