"""The parquet file of an index goes into FAISS, Qdrant and LanceDB as it is, and they find the same neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.search.files import ENTRY_FILE
from virtue_ref.search.index import Index
from virtue_ref.search.query import embed_query

TEXT = "a cup on a table"


@pytest.fixture
def expected(built: Index) -> list[str]:
    return [hit.id for hit in built.search(TEXT, top=3)]


def test_faiss(built: Index, tiny: VirtueEmbedder, expected: list[str]) -> None:
    faiss = pytest.importorskip("faiss")
    table = pq.read_table(built.folder / ENTRY_FILE)
    index = faiss.IndexFlatIP(built.about.dim)
    index.add(table["vector"].combine_chunks().flatten().to_numpy().reshape(len(table), -1))
    _, rows = index.search(embed_query(tiny, TEXT)[None], 3)
    assert table["id"].take(rows[0]).to_pylist() == expected


@pytest.mark.filterwarnings("ignore")
def test_qdrant(built: Index, tiny: VirtueEmbedder, expected: list[str]) -> None:
    client_of: Any = pytest.importorskip("qdrant_client")
    models = client_of.models
    client = client_of.QdrantClient(":memory:")
    size = models.VectorParams(size=built.about.dim, distance=models.Distance.DOT)
    client.create_collection("index", vectors_config=size)
    rows = pq.read_table(built.folder / ENTRY_FILE).to_pylist()
    points = [models.PointStruct(id=number, vector=row.pop("vector"), payload=row) for number, row in enumerate(rows)]
    client.upsert("index", points)
    found = client.query_points("index", query=embed_query(tiny, TEXT).tolist(), limit=3).points
    assert [point.payload["id"] for point in found] == expected


@pytest.mark.filterwarnings("ignore")
def test_lancedb(built: Index, tiny: VirtueEmbedder, expected: list[str], tmp_path: Path) -> None:
    lancedb: Any = pytest.importorskip("lancedb")
    table = lancedb.connect(tmp_path).create_table("index", pq.read_table(built.folder / ENTRY_FILE))
    found = table.search(np.asarray(embed_query(tiny, TEXT))).distance_type("dot").limit(3).to_arrow()
    assert found["id"].to_pylist() == expected
