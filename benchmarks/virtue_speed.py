"""Time of `virtue_ref` as a ratio to its floor: bare passes of the stock modules over prepared tensors.

The floor of a picture with some regions is one pass of either image encoder, then, for each region, one pass of the
prompt encoder, the mask decoder's transformer, the connector and the language model: no files, no tokens, nothing
around them. Ours and the floor take turns, so that a busy machine slows both. Sizes are those of virtue_speed.toml;
another model, or a checkpoint, can be named.

    python benchmarks/virtue_speed.py --threads 2
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from timing import best
from torch.nn import functional

from mmeb_eval.item import Item
from scar.sample import Box
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.inference.batching import list_images
from virtue_ref.model.segmenters.sam2 import StockSam2

CONFIG = Path(__file__).with_suffix(".toml")
REGIONS = (3, 3, 3, 3, 4)
"""Number of regions of each picture: 3.2 on average, as in SCaR."""

TEXT = "<|image_pad|>\nFind the caption that best describes the object in the box."
Work = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(CONFIG))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--device")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    embedder = load(arguments.model, device=arguments.device)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        works = list_works(embedder, draw_images(Path(folder), len(REGIONS)))
        print(
            json.dumps(
                {"model": embedder.name, "threads": arguments.threads, **measure_ratios(works, arguments.repeat)},
                indent=2,
            )
        )


def list_works(embedder: VirtueEmbedder, images: list[Path]) -> dict[str, Work]:
    """The functions to measure, by name."""
    scar = [make_region_items(image, regions) for image, regions in zip(images, REGIONS, strict=True)]
    texts = [Item(f"caption number {number} of a square on a table") for number in range(64)]

    def embed_anew(items: list[Item]) -> Work:
        def work() -> None:
            embedder.image_cache.clear()
            embedder.embed(items)

        return work

    return {
        "scar": embed_anew([item for items in scar for item in items]),
        "scar floor": make_floor(embedder, scar),
        "one region": embed_anew(make_region_items(images[0], 1)),
        "ten regions": embed_anew(make_region_items(images[0], 10)),
        "ten regions floor": make_floor(embedder, [make_region_items(images[0], 10)]),
        "64 texts": embed_anew(texts),
        "64 texts floor": make_text_floor(embedder, texts),
    }


def measure_ratios(works: dict[str, Work], repeat: int) -> dict[str, Any]:
    """Measure each function ``repeat`` times; returns least seconds, ratios to the floors, and rates."""
    for work in works.values():
        work()
    took = dict(zip(works, best(repeat, *works.values()), strict=True))
    ratios = {
        "scar / floor": took["scar"] / took["scar floor"],
        "ten regions / floor": took["ten regions"] / took["ten regions floor"],
        "texts / floor": took["64 texts"] / took["64 texts floor"],
        "ten regions / one region": took["ten regions"] / took["one region"],
    }
    queries = {"scar queries per second": sum(REGIONS) / took["scar"], "texts per second": 64 / took["64 texts"]}
    return {
        "seconds": {name: round(value, 4) for name, value in took.items()},
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        "rates": {name: round(value, 2) for name, value in queries.items()},
    }


def draw_images(folder: Path, count: int) -> list[Path]:
    """Write pictures of 640 x 480 pixels."""
    x, y = np.meshgrid(np.linspace(0, 255, 640), np.linspace(0, 255, 480))
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.fromarray(np.stack([x, y, (x + y + 37 * number) % 256], -1).astype(np.uint8)).save(path)
    return paths


def make_region_items(image: Path, regions: int) -> list[Item]:
    return [Item(TEXT, image, Box(20 + 30 * k, 40, 220 + 30 * k, 300)) for k in range(regions)]


def make_floor(embedder: VirtueEmbedder, pictures: list[list[Item]]) -> Work:
    """Make the floor of some pictures with their regions; its tensors are prepared here, before it is timed."""
    model, collator = embedder.model, embedder.collator
    segmenter, connector = model.segmenter, model.connector
    if not isinstance(segmenter, StockSam2) or connector is None:
        raise SystemExit("the floor is made of the parts of the package sam2, which this model does not have")
    sam, language_model = segmenter.sam, model.backbone.language_model
    positions = sam.sam_prompt_encoder.get_dense_pe()
    decoder = sam.sam_mask_decoder
    fixed = torch.cat([decoder.obj_score_token.weight, decoder.iou_token.weight, decoder.mask_tokens.weight])[None]
    ready = []
    for items in pictures:
        pixels = collator.open_images([items[0].image or Path()]).to(model.device, model.dtype)
        prepared = [collator.prepare_item(item, index) for index, item in enumerate(items)]
        batches = [collator.make_batch([each], list_images([each])).to(model.device) for each in prepared]
        ready.append((pixels, batches))

    def work() -> None:
        for pixels, batches in ready:
            model.backbone.encode_images(pixels.patches, pixels.grids)
            image = sam.image_encoder(pixels.squares)["vision_features"]
            for batch in batches:
                prompt = batch.prompts[0]
                points = torch.tensor([prompt.xy]), torch.tensor([prompt.labels])  # type: ignore[union-attr]
                sparse, dense = sam.sam_prompt_encoder(points=points, boxes=None, masks=None)
                _, mixed = decoder.transformer(image + dense, positions, torch.cat([fixed, sparse], dim=1))
                segments = connector(mixed.transpose(1, 2).reshape(image.shape))
                states = language_model(
                    inputs_embeds=torch.cat([segments, model.backbone.embed_ids(batch.ids)], dim=1),
                    position_ids=batch.positions,
                    use_cache=False,
                ).last_hidden_state
                functional.normalize(states[:, -1], dim=-1)

    return work


def make_text_floor(embedder: VirtueEmbedder, texts: list[Item]) -> Work:
    """Make the floor of texts: one bare pass of the language model over all of them."""
    model, collator = embedder.model, embedder.collator
    prepared = [collator.prepare_item(item, index) for index, item in enumerate(texts)]
    batch = collator.make_batch(prepared, []).to(model.device)
    return lambda: model.backbone.language_model(input_ids=batch.ids, position_ids=batch.positions, use_cache=False)


if __name__ == "__main__":
    main()
