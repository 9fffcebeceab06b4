"""Train the demo model in stages. A stage is saved when it is done; the same call continues a stopped run after it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import cast

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import scar
from scar.common.files import replace_file, write_json
from scar.common.image_bytes import ImageFile
from scar.demo.corpus import make_demo_source
from scar.demo.world import draw_world
from scar.errors import ConfigError, TrainError
from scar.recipe import Recipe as CorpusRecipe
from scar.sample import Sample
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint, make_checkpoint
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.run_folder import LAST, find_named
from virtue_ref.checkpoints.tensors import read_json
from virtue_ref.config import Config
from virtue_ref.demo_model import encoders, language
from virtue_ref.demo_model.mask_heads import MaskPretraining, train_mask_heads
from virtue_ref.demo_model.steps import Progress, Schedule
from virtue_ref.demo_model.views import View, draw_view
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.batch import ImageBatch
from virtue_ref.model.segmenters.segmenter import Segmenter
from virtue_ref.model.tokens import SPECIAL_TOKENS
from virtue_ref.model.virtue import Virtue
from virtue_ref.training.pairs import open_source
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.run_lock import lock_run
from virtue_ref.training.train import train

CONFIG_PATH = Path(__file__).with_name("sizes.toml")
VOCABULARY_SIZE = 896
PARTS_FOLDER = "parts"
"""Subfolder of a run with the model before its SCaR stage."""
ENCODERS_FILE, PARTS_FILE = "encoders.safetensors", "parts.safetensors"
"""Weights after the first and the second stage."""
SETTINGS_RECORD = "demo.json"
"""File of a run with its seed and effort."""
FIRST_TRAINING_SEED = 1000
"""First seed of training worlds; evaluation worlds have smaller seeds and the split "eval"."""


@dataclasses.dataclass(frozen=True, slots=True)
class Effort:
    """Numbers of pictures and training steps.

    Attributes:
        pictures: number of pictures that the encoders see. Language model and corpus have as many others.
        vision: number of steps for the vision encoder, each with 32 pictures.
        segmenter: number of steps for the segmenter, each with 24 pictures and up to five prompts for a picture.
        masks: number of steps for the segmenter's mask heads, each with 16 pictures and up to two prompts for each.
        language: number of steps for the language model, each with 40 questions.
        scar: number of steps of the SCaR stage, each with 32 pairs and nine negatives for a pair.
    """

    pictures: int = 4000
    vision: int = 1400
    segmenter: int = 900
    masks: int = 800
    language: int = 1000
    scar: int = 300


def make_demo_model(out: Path, seed: int = 0, effort: Effort = Effort(), report: Progress = lambda *_: None) -> Path:
    """Make the demo model on the CPU: pretrain its parts, then train connector and adapters on a drawn SCaR corpus.

    Args:
        out: folder of the run; stages that are saved in it are not trained again.
        seed: seed of weights, order of examples and training worlds, at least 0.
        effort: numbers of pictures and steps.
        report: shows progress.

    Returns:
        Folder of the last checkpoint of the SCaR stage, as `virtue_ref.training.train.train` writes it.

    Raises:
        TrainError: the folder holds stages of another seed or effort, or another process trains in it; or see
            `virtue_ref.training.train.train`.
        ConfigError: the seed is below 0.
    """
    with lock_run(out):
        check_settings(out, seed, effort)
        write_json({"seed": seed, "effort": dataclasses.asdict(effort)}, out / SETTINGS_RECORD)
        return _make_demo_model(out, seed, effort, report)


def check_settings(out: Path, seed: int, effort: Effort) -> None:
    """Check that a folder has no stages of another seed or effort, which this run would take for its own.

    Raises:
        TrainError: it has such stages; the message names both values.
        ConfigError: the seed is below 0.
    """
    if seed < 0:
        raise ConfigError(f"demo: seed = {seed}; it must be at least 0.")
    if not (out / SETTINGS_RECORD).is_file():
        return
    stored = read_json(out / SETTINGS_RECORD)
    for key, value in (("seed", seed), ("effort", dataclasses.asdict(effort))):
        if stored.get(key) != value:
            raise TrainError(f"{out} holds a run whose {key} was {stored.get(key)} and is {value}; name a new folder.")


def describe_stages(out: Path, seed: int, effort: Effort) -> list[tuple[str, str]]:
    """Return the plan of a run, (what, how much) for each line to print; a saved stage is "done". Nothing is run.

    Raises:
        TrainError: the folder holds stages of another seed or effort.
        ConfigError: the seed is below 0.
    """
    check_settings(out, seed, effort)
    numbers = f"{effort.vision:,}, {effort.segmenter:,} and {effort.masks:,}"
    encoders = f"{numbers} steps for vision encoder, segmenter and its mask heads"
    last = find_named(out / "scar", LAST)
    stages = (
        ("corpus", f"{effort.pictures:,} drawn pictures", (out / "corpus" / "build_report.json").exists()),
        ("encoders", encoders, (out / ENCODERS_FILE).exists()),
        ("language model", f"{effort.language:,} steps", (out / PARTS_FILE).exists()),
        ("SCaR stage", f"{effort.scar:,} steps", last is not None and last.name == f"step-{effort.scar:06}"),
    )
    lines = [(stage, f"{what}{', done' if is_done else ''}") for stage, what, is_done in stages]
    return [("recipe", f"demo: the demo model with seed {seed}, on the CPU"), ("run", str(out)), *lines]


def _make_demo_model(out: Path, seed: int, effort: Effort, report: Progress) -> Path:
    config = Config.read(CONFIG_PATH)
    corpus = draw_corpus(out / "corpus", effort.pictures, FIRST_TRAINING_SEED + 2 * seed)
    samples = [sample for sample in scar.read(corpus) if sample.split == "train"]
    tokenizer = train_tokenizer(samples, seed)
    torch.manual_seed(seed)
    model = Virtue(config)

    if model.segmenter is None:
        raise ValueError("the demo model has a segmenter.")
    side = model.segmenter.size

    def draw_views(world: int) -> list[View]:
        return [draw_view(index, world, config, side) for index in range(effort.pictures)]

    def train_encoders() -> None:
        views = draw_views(FIRST_TRAINING_SEED + 2 * seed + 1)
        vision = Schedule(effort.vision, batch=32, rate=2e-3, decay=0.02)
        segmenter = Schedule(effort.segmenter, batch=24, rate=2e-3, decay=0.02)
        encoders.train_encoder(encoders.VisionPretraining(model), views, vision, seed, report)
        encoders.train_encoder(encoders.SegmenterPretraining(model), views, segmenter, seed, report)
        masks = Schedule(effort.masks, batch=16, rate=2e-3, decay=0.02)
        train_mask_heads(MaskPretraining(cast(Segmenter, model.segmenter)), views, masks, seed, report)

    def train_language_part() -> None:
        views = draw_views(FIRST_TRAINING_SEED + 2 * seed)
        golds = [sample.gold for sample in samples]
        captions = golds + [negative.caption for sample in samples for negative in sample.negatives[::4]]
        part = language.LanguagePretraining(model, tokenizer)
        schedule = Schedule(effort.language, batch=40, rate=1.5e-3, decay=0.01)
        language.train_language(part, views, encode_views(model, views), captions, schedule, seed, report)

    train_or_load(out / ENCODERS_FILE, model, train_encoders)
    train_or_load(out / PARTS_FILE, model, train_language_part)

    files = {**resolve.make_random_checkpoint(config).files, "tokenizer.json": tokenizer.to_str().encode()}
    start = dataclasses.replace(
        make_checkpoint(model, Checkpoint(config, {}, {}, {}, files)), revision=f"parts-seed{seed}"
    )
    if not (out / PARTS_FOLDER).exists():
        write_checkpoint(start, out / PARTS_FOLDER)
    recipe = TrainingRecipe.read(Path(__file__).with_name("scar-stage.toml")).with_options(steps=effort.scar, seed=seed)
    source = open_source("demo", sorted(corpus.glob("SCaR-train/*.parquet")), corpus, all_negatives=True)
    image_cache: dict[ImageFile, ImageFeatures] = {}
    return train(recipe, start, [source], out / "scar", image_cache=image_cache, cpu=True, report=report)


def draw_corpus(folder: Path, pictures: int, seed: int) -> Path:
    """Draw the training world of a seed and build a corpus of its train split, unless the corpus is there already.

    Args:
        folder: folder of the corpus; the drawn pictures go into ``world`` beside it.
        pictures: number of pictures.
        seed: seed of the world.

    Returns:
        `folder`.
    """
    if not (folder / "build_report.json").exists():
        world = folder.parent / "world"
        draw_world(world, pictures, seed, "train")
        scar.build(CorpusRecipe(sources=(make_demo_source(world, "train"),), seed=seed), folder)
    return folder


def train_tokenizer(samples: Sequence[Sample], seed: int) -> Tokenizer:
    """Train a byte-level BPE tokenizer whose tokens are the words and numbers of the demo.

    Args:
        samples: give the texts: all captions, negatives included, and a query with a box for each.
        seed: seed of a variation in the queries' texts: a space after the image token or none.
    """
    rng = Random(seed)  # noqa: S311 - a draw, not a secret
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    words = Regex(r" ?\p{L}+| ?\p{N}+|[^\s\p{L}\p{N}]+|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    texts = [text for sample in samples for text in sample.captions]
    texts += [language.write_query(sample.region.box).replace("> ", rng.choice((">", "> "))) for sample in samples]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE, special_tokens=list(SPECIAL_TOKENS), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


@torch.no_grad()
def encode_views(model: Virtue, views: Sequence[View]) -> list[ImageFeatures]:
    """Return the features of each view from the frozen encoders, in the same order."""
    features: list[ImageFeatures] = []
    for start in range(0, len(views), 32):
        some = views[start : start + 32]
        grids = torch.tensor([[1, 2 * each.grid[0], 2 * each.grid[1]] for each in some])
        patches = torch.cat([each.patches.float() for each in some])
        features += model.encode_images(ImageBatch(patches, grids, torch.stack([each.frame.float() for each in some])))
    return features


def train_or_load(file: Path, model: Virtue, train_part: Callable[[], None]) -> None:
    """Load the weights that the whole model has after a stage; if they are not saved, train the stage and save them.

    Args:
        file: safetensors file of the stage.
        model: the model, which is changed in place.
        train_part: trains the model in place.
    """
    if file.exists():
        model.load_state_dict(load_file(file))
        return
    train_part()
    with replace_file(file) as unfinished:
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, unfinished)
