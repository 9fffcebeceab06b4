"""The configuration of a model: sizes, image rules and profile. This module imports no torch, so it loads fast."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scar.common.tables import make_record, read_toml
from scar.errors import ConfigError

CONFIG_FOLDER = Path(__file__).parent / "configs"
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
RESOLUTIONS: Mapping[str, int] = {"high": 1344, "mid": 672, "low": 128}
"""Name of a resolution -> side in pixels of the square that each image is first resized to."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How an image and the prompt on it reach the segmenter, and which positions segment tokens have.

    There are two profiles, because the published weights were trained with a behaviour that the paper does not
    describe. `official` repeats that behaviour: the segmenter sees pixels that were resized and normalised for the
    vision encoder and are normalised again; prompts in pixels of the original image are used as if the image were the
    segmenter's square; all segment tokens have position 0. Weights trained that way need it. `clean` does what the
    paper says; models trained here use it by default.

    Attributes:
        name: the profile's name in configs and results.
        applies_exif: whether the model sees an image as it is displayed, turned by its EXIF orientation. If not, it
            sees the stored image, and prompts, which users give in the displayed one, are turned into the stored one.
        segmenter_source: what the segmenter's square is made from. "image" is the original image, resized and
            normalised once; "vision input" is the tensor made for the vision encoder, resized and normalised again.
        prompt_frame: what happens to the coordinates of boxes and points. "image" scales them from the image that the
            model sees to the segmenter's square; "segmenter" leaves the numbers as they are. Masks are always scaled.
        box_beside_points: whether a box that comes with points is used too; if not, only the points are used.
        segment_positions: positions of the segment tokens in the language model: "zero" gives all of them 0;
            "contiguous" counts them from 0. In both, the position of the token after them is the number of segment
            tokens.
    """

    name: str
    applies_exif: bool
    segmenter_source: Literal["image", "vision input"]
    prompt_frame: Literal["image", "segmenter"]
    box_beside_points: bool
    segment_positions: Literal["zero", "contiguous"]


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("official", False, "vision input", "segmenter", False, "zero"),
        Profile("clean", True, "image", "image", True, "contiguous"),
    )
}


@dataclass(frozen=True, slots=True)
class ImageRules:
    """How an image becomes the vision encoder's input.

    Attributes:
        min_pixels: area in pixels below which an image is enlarged.
        max_pixels: area in pixels above which an image is shrunk.
        resolution: a key of `RESOLUTIONS`; each image is first resized to that square, then to an allowed area. None
            skips the first resize.
        mean: mean of each channel (R, G, B), on the scale 0 to 1; it is subtracted.
        std: standard deviation of each channel, on the scale 0 to 1; the difference is divided by it.
        patch: side of a patch in pixels.
        merge: merge x merge patches become one token.
        frames: number of copies of a still image, which fill the vision encoder's temporal patch.

    Raises:
        ConfigError: `min_pixels` is above `max_pixels`, or `max_pixels` is less than one token.
    """

    min_pixels: int = 3136
    max_pixels: int = 1003520
    resolution: str | None = None
    mean: tuple[float, float, float] = OPENAI_MEAN
    std: tuple[float, float, float] = OPENAI_STD
    patch: int = 14
    merge: int = 2
    frames: int = 2

    def __post_init__(self) -> None:
        if self.min_pixels > self.max_pixels:
            raise ConfigError(f"min_pixels {self.min_pixels} is more than max_pixels {self.max_pixels}.")
        if self.max_pixels < self.factor**2:
            raise ConfigError(f"max_pixels {self.max_pixels}: one token of an image has {self.factor**2} pixels.")

    @property
    def factor(self) -> int:
        """Side in pixels of the square that becomes one token."""
        return self.patch * self.merge


@dataclass(frozen=True, slots=True)
class SegmenterConfig:
    """The segmenter, and the grid of points that is the prompt of an image without one.

    Attributes:
        model: the segmenter's own config: for SAM 2, the table `model:` of its YAML file; for others, what their
            config.json has.
        points_per_side: the grid has points_per_side x points_per_side points.
        package: a key of `virtue_ref.model.segmenters.segmenter.SEGMENTERS`. "sam2" and "transformers" run the same
            SAM 2 with the same weights, up to rounding; the others have a config and weights of their own.
    """

    model: Mapping[str, Any]
    points_per_side: int = 3
    package: str = "sam2"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything about a VIRTUE model except its weights.

    Attributes:
        name: the model's name, shown in results.
        profile: how images and prompts reach the segmenter, see `Profile`.
        backbone: the vision-language model's config, as its config.json has it.
        segmenter: see `SegmenterConfig`; None makes the model a backbone alone, without segment tokens.
        image: how images are resized, see `ImageRules`.
        max_length: most tokens of a text without an image; a longer text loses its end. None never cuts. The text of an
            item with an image is never cut.
    """

    name: str
    profile: Profile
    backbone: Mapping[str, Any]
    segmenter: SegmenterConfig | None
    image: ImageRules = ImageRules()
    max_length: int | None = None

    @classmethod
    def read(cls, name: str | Path) -> Config:
        """Read a config.

        Args:
            name: a built-in name ("tiny", "2b", "7b", "qwen3-2b"), else the path of a TOML file with the fields of this
                class as keys; built-in names come first.

        Returns:
            The config. If the file gives no `name`, it is "virtue-" and the file's name.

        Raises:
            ConfigError: there is no such name or file, or the file has an unknown or missing key or a wrong value.
        """
        path = CONFIG_FOLDER / f"{name}.toml" if (CONFIG_FOLDER / f"{name}.toml").is_file() else Path(name)
        if not path.is_file():
            known = ", ".join(list_configs())
            raise ConfigError(f"no config {str(name)!r}: built in are {known}; else give a TOML file.")
        return _parse_config({"name": f"virtue-{path.stem}", **read_toml(path, ConfigError)}, path)

    def with_options(
        self,
        *,
        profile: str | None = None,
        resolution: str | None = None,
        min_pixels: int | None = None,
        max_pixels: int | None = None,
        max_length: int | None = None,
        segmenter_package: str | None = None,
    ) -> Config:
        """Return a copy of this config with some settings replaced; None keeps a setting.

        Args:
            profile: a key of `PROFILES`.
            resolution: a key of `RESOLUTIONS`.
            min_pixels: see `ImageRules`.
            max_pixels: see `ImageRules`.
            max_length: see `Config`.
            segmenter_package: see `SegmenterConfig`; "none" removes the segmenter. Its name is checked only when the
                model is built. It has no effect on a config without a segmenter.

        Raises:
            ConfigError: an unknown resolution or profile, `min_pixels` above `max_pixels`, or `max_pixels` too small
                for one token.
        """
        if resolution is not None and resolution not in RESOLUTIONS:
            raise ConfigError(f"unknown resolution {resolution!r}: it is one of {', '.join(RESOLUTIONS)}.")
        rules: dict[str, Any] = {"resolution": resolution, "min_pixels": min_pixels, "max_pixels": max_pixels}
        given = {key: value for key, value in rules.items() if value is not None}
        segmenter = self.segmenter
        if segmenter is not None and segmenter_package is not None:
            chosen = dataclasses.replace(segmenter, package=segmenter_package)
            segmenter = None if segmenter_package == "none" else chosen
        return dataclasses.replace(
            self,
            segmenter=segmenter,
            profile=self.profile if profile is None else get_profile(profile),
            image=dataclasses.replace(self.image, **given),
            max_length=self.max_length if max_length is None else max_length,
        )


def is_config(name: str | Path) -> bool:
    """Whether a name means a config and not a checkpoint: it is built in or ends in ``.toml``. No file is read."""
    return str(name) in list_configs() or Path(name).suffix == ".toml"


def refuse_unnamed(name: str | Path | None) -> str | Path:
    """Return the name of a model if there is one. None is refused, because random weights must be asked for by name.

    Raises:
        ConfigError: `name` is None.
    """
    if name is None:
        raise ConfigError(
            "which model? Name a checkpoint, such as 'demo' or a folder; "
            f"{', '.join(list_configs())} and TOML files have random weights."
        )
    return name


def list_configs() -> list[str]:
    """Return the names of the configs that come with the package, sorted."""
    return sorted(path.stem for path in CONFIG_FOLDER.glob("*.toml"))


def get_profile(name: str) -> Profile:
    """Return the profile with this name, "official" or "clean".

    Raises:
        ConfigError: no profile has this name.
    """
    if name not in PROFILES:
        raise ConfigError(f"unknown profile {name!r}: it is one of {', '.join(PROFILES)}.")
    return PROFILES[name]


def _parse_config(table: Mapping[str, Any], path: Path) -> Config:
    stored: dict[str, Any] = {"segmenter": None, **table}
    if "profile" in stored:
        stored["profile"] = get_profile(stored["profile"])
    if stored["segmenter"] is not None:
        stored["segmenter"] = make_record(stored["segmenter"], SegmenterConfig, f"{path}, [segmenter]", ConfigError)
    if "image" in stored:
        stored["image"] = make_record(stored["image"], ImageRules, f"{path}, [image]", ConfigError)
    return make_record(stored, Config, str(path), ConfigError)
