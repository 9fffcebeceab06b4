"""A vision-language model in this process, such as one of the Qwen-VL family, by transformers."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scar.errors import InputError
from scar.generators.vlm.budget import Bill
from scar.generators.vlm.chat_request import ChatRequest, Reply, keep_nothing
from scar.generators.vlm.region_image import draw_region


@dataclass(slots=True)
class TransformersModel:
    """Answers one request after the other on the device that transformers chooses; see `ChatModel`.

    Attributes:
        path: folder of the model, or its name on the Hub. Only weights in safetensors are loaded, and no code.
        bill: what is answered, and the budget.
    """

    path: str
    bill: Bill = field(default_factory=Bill)
    _model: Any = field(init=False, default=None)
    _processor: Any = field(init=False, default=None)

    def __call__(
        self, requests: Sequence[ChatRequest], keep: Callable[[ChatRequest, Reply], None] = keep_nothing
    ) -> list[Reply]:
        """Answer requests; see `ChatModel`."""
        if self._model is None:
            self._processor, self._model = _load(self.path)
        replies: list[Reply] = []
        for request in requests:
            self.bill.reserve()
            reply = None
            try:
                reply = self._answer(request)
            finally:
                self.bill.settle(reply)
            keep(request, reply)
            replies.append(reply)
        return replies

    def _answer(self, request: ChatRequest) -> Reply:
        import torch
        from PIL import Image

        sampling = request.sampling
        files = draw_region(request.image, request.box, sampling.image_side, sampling.crop_side)
        pictures = [{"type": "image", "image": Image.open(io.BytesIO(each))} for each in files]
        messages = [{"role": "user", "content": [*pictures, {"type": "text", "text": request.text}]}]
        inputs = self._processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        ).to(self._model.device)
        chosen: dict[str, Any] = {"do_sample": False}
        if sampling.temperature > 0:
            torch.manual_seed(sampling.seed)
            chosen = {"do_sample": True, "temperature": sampling.temperature}
        with torch.inference_mode():
            written = self._model.generate(**inputs, max_new_tokens=sampling.max_output_tokens, **chosen)
        read = inputs["input_ids"].shape[1]
        words = written[0, read:]
        return Reply(
            text=self._processor.decode(words, skip_special_tokens=True),
            finish="length" if len(words) >= sampling.max_output_tokens else "stop",
            input_tokens=read,
            output_tokens=len(words),
        )


def _load(path: str) -> tuple[Any, Any]:
    """The processor and the model of a folder or a repository.

    Raises:
        InputError: transformers is missing, or cannot load them.
    """
    try:
        from transformers import AutoModelForImageTextToText, AutoProcessor
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is missing; pip install 'scar-virtue[virtue]' brings it.") from None
    if Path(path).is_absolute() and not Path(path).is_dir():
        raise InputError(f"--chat-model {path}: no such folder; give the folder of a model, or its name on the Hub.")
    try:
        load_processor: Any = AutoProcessor.from_pretrained  # it has no types
        processor = load_processor(path, trust_remote_code=False)
        model: Any = AutoModelForImageTextToText.from_pretrained(
            path, trust_remote_code=False, use_safetensors=True, dtype="auto", device_map=None
        )
    except (OSError, ValueError, KeyError) as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(f"--chat-model {path}: transformers cannot load it: {said}") from None
    import torch

    return processor, model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
