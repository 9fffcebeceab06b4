"""Columns of the published eval and train files, and of the provenance files (sidecars) that accompany them."""

from __future__ import annotations

import pyarrow as pa

from scar.sample import Split

INSTRUCTION = (
    "<|image_1|>\nFind the caption that best describes the segmented object, "
    "considering both local details and global context in the given image."
)

_REGION: list[tuple[str, pa.DataType]] = [
    ("bbox", pa.list_(pa.float32())),
    ("segmentation", pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])),
    ("category", pa.string()),
    ("image_id", pa.int64()),
]

EVAL_SCHEMA = pa.schema(
    [("qry_text", pa.string()), ("qry_image_path", pa.string()), ("tgt_text", pa.list_(pa.string())), *_REGION]
)

TRAIN_SCHEMA = pa.schema(
    [
        ("qry", pa.string()),
        ("qry_image_path", pa.string()),
        ("pos_text", pa.string()),
        ("pos_image_path", pa.string()),
        ("neg_text", pa.string()),
        ("neg_image_path", pa.string()),
        *_REGION,
    ]
)

SCHEMAS: dict[Split, pa.Schema] = {"eval": EVAL_SCHEMA, "train": TRAIN_SCHEMA}

_CAPTION = [("object", pa.string()), ("relation", pa.string()), ("scene", pa.string())]

PROVENANCE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("split", pa.string()),
        ("region_id", pa.int64()),
        ("gold", pa.struct(_CAPTION)),
        ("reason", pa.string()),
        ("negatives", pa.list_(pa.struct([("part", pa.string()), *_CAPTION]))),
        ("generator", pa.string()),
        ("generator_version", pa.string()),
        ("licence", pa.string()),
        ("seed", pa.int64()),
        ("author", pa.string()),
    ]
)

IDENTITIES_KEY = b"scar.identities"
"""Key in the metadata of a sidecar; its value is a JSON object of image identities by image path."""

GIVEN_IDS_KEY = b"scar.given_ids"
"""Key in the metadata of a sidecar; its value is a JSON object that says, for regions and images that the build has
numbered, what the annotation files have as their ids."""

FRAME_KEY, DISPLAYED = b"scar.frame", b"displayed"
"""Key in the metadata of a file of rows and its value: the rows are in the displayed frame, whichever images lie beside
them. Rows without the key are in the stored frame, as those of the published corpus."""

OLD_FRAME_KEY = b"scar.upright"
"""Key of earlier builds that says the same, whatever its value."""

WITH_IMAGES_FOLDER = "with-images"
"""Folder of a repository whose files repeat the rows of the other folders, with the bytes of the images."""
