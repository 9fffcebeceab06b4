"""A local vision-language model answers through the same protocol: a tiny Qwen2-VL with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scar.errors import InputError
from scar.generators.vlm.answers import PhraseAnswer, make_schema
from scar.generators.vlm.budget import Bill
from scar.generators.vlm.chat_request import ChatRequest, Reply, Sampling
from scar.generators.vlm.transformers_model import TransformersModel
from scar.sample import Box

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random Qwen2-VL with a tokenizer of bytes."""
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
    )
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    path = tmp_path_factory.mktemp("small")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
    special += ["<|video_pad|>"]
    vocabulary = {token: number for number, token in enumerate([*alphabet, *special])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    template = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{% for part in message.content %}"
        "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
        "{% endfor %}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    )
    make_fast: Any = PreTrainedTokenizerFast  # it has no types, and the processor neither
    make_processor: Any = Qwen2VLProcessor
    fast = make_fast(tokenizer_object=tokenizer, **{"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"})
    fast.add_special_tokens({"additional_special_tokens": special})
    images = Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=28 * 28 * 16)
    make_processor(images, fast, Qwen2VLVideoProcessor(), chat_template=template).save_pretrained(path)
    torch.manual_seed(0)
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(vocabulary),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10_000.0},
            "bos_token_id": None,
            "eos_token_id": vocabulary["<|im_end|>"],
            "pad_token_id": vocabulary["<|endoftext|>"],
        },
        vision_config={"depth": 1, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        image_token_id=vocabulary["<|image_pad|>"],
        video_token_id=vocabulary["<|video_pad|>"],
        vision_start_token_id=vocabulary["<|vision_start|>"],
        vision_end_token_id=vocabulary["<|vision_end|>"],
    )
    Qwen2VLForConditionalGeneration(config).save_pretrained(path)
    return path


def test_it_answers_and_counts_tokens(folder: Path, tmp_path: Path) -> None:
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "photo.png")
    sampling = Sampling(max_output_tokens=12)
    schema = make_schema(PhraseAnswer)
    requests = [
        ChatRequest("small", "complete 1", text, tmp_path / "photo.png", Box(5, 5, 30, 30), "Phrase", schema, sampling)
        for text in ("what is it?", "and this?")
    ]
    kept: list[Reply] = []
    bill = Bill()
    replies = TransformersModel(str(folder), bill)(requests, lambda request, reply: kept.append(reply))
    assert kept == replies
    assert len(replies) == 2
    for reply in replies:
        assert 0 < reply.output_tokens <= 12
        assert reply.input_tokens > 20
        assert (reply.finish == "length") == (reply.output_tokens == 12)
    assert bill.requests == 2
    assert TransformersModel(str(folder))(requests) == replies


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--chat-model"):
        TransformersModel(str(tmp_path / "none"))([])
