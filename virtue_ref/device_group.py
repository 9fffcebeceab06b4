"""One model on several devices, each in a process of its own: `DeviceGroup` embeds as a `VirtueEmbedder` does."""

from __future__ import annotations

import multiprocessing
import weakref
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.item import Item
from scar.errors import ConfigError, ItemError, VirtueError
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.inference.check_items import check_items

CHUNK_ITEMS = 128
"""Items that a process embeds at once. The number does not depend on the devices, and neither do vectors."""

ATTRIBUTES = ("name", "settings", "prompts", "dim", "int8_cosine")
"""What the group has of the embedders in its processes."""

_loaded: list[VirtueEmbedder] = []
"""The embedder of a process of a group."""


class DeviceGroup:
    """An embedder whose items are shared out among devices.

    On the same kind of device, an item has the same vector whatever the number of devices; on a CPU, each process has
    one thread. A script that makes a group needs ``if __name__ == "__main__":``, as all that start processes do.
    `close`, or the end of a ``with`` block, ends the processes.

    Args:
        config: name of the model, as for `virtue_ref.embedder.load`.
        devices: a device for each process, such as ``["cuda:0", "cuda:1"]`` or ``["cpu"] * 4``.
        options: other options of `virtue_ref.embedder.load`.

    Attributes:
        layout, prompts, dim, name, settings, int8_cosine: see `VirtueEmbedder`.

    Raises:
        ConfigError: no devices are given, or see `virtue_ref.embedder.load`; so for the other errors of it.
    """

    layout = VirtueEmbedder.layout
    name: str
    settings: Mapping[str, Any]
    prompts: frozenset[str]
    dim: int
    int8_cosine: float | None

    def __init__(self, config: str | Path | None, devices: Sequence[str], **options: Any) -> None:
        if isinstance(devices, str) or not devices:
            raise ConfigError(f"devices {devices!r}: give a list such as ['cuda:0', 'cuda:1'] or ['cpu', 'cpu'].")
        self.devices = tuple(devices)
        context = multiprocessing.get_context("spawn")
        self._pools = [ProcessPoolExecutor(1, mp_context=context) for _ in self.devices]
        self._end = weakref.finalize(self, _shut_down, self._pools)
        try:
            loading = [
                pool.submit(_load, config, device, options)
                for pool, device in zip(self._pools, self.devices, strict=True)
            ]
            facts = [self._wait(each, place) for place, each in enumerate(loading)]
        except BaseException:
            self.close()
            raise
        for key in ATTRIBUTES:
            if any(each[key] != facts[0][key] for each in facts):
                told = ", ".join(f"{each[key]} on {device}" for each, device in zip(facts, self.devices, strict=True))
                self.close()
                raise ConfigError(f"devices of two kinds: the {key} would be {told}; name devices of one kind.")
            setattr(self, key, facts[0][key])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; it waits for what they are embedding."""
        self._end()

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """Embed items; arguments, result and errors are those of `VirtueEmbedder.embed`.

        Raises:
            VirtueError: a process has ended, for example because memory ran out; or the group is closed.
        """
        return self._share_out("embed", items)

    def embed_roi(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """Embed items as `VirtueEmbedder.embed_roi` does."""
        return self._share_out("embed_roi", items)

    def embed_bare(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """Embed items as `VirtueEmbedder.embed_bare` does."""
        return self._share_out("embed_bare", items)

    def _share_out(self, method: str, items: Iterable[Item]) -> NDArray[np.float32]:
        if not self._end.alive:
            raise VirtueError(f"{self.name}: the group of devices is closed; make another one.")
        checked = check_items(items)
        first: dict[Item, int] = {}
        for index, item in enumerate(checked):
            first.setdefault(item, index)
        # Items of an image stand together, so that few processes encode it; texts of like length pad little.
        order = sorted(first.items(), key=lambda pair: (str(pair[0].image or ""), len(pair[0].text), pair[1]))
        chunks = iter([order[start : start + CHUNK_ITEMS] for start in range(0, len(order), CHUNK_ITEMS)])
        vectors = np.empty((len(checked), self.dim), np.float32)

        def embed_chunks(place: int) -> None:
            for chunk in chunks:  # a list's iterator, which threads may share
                submitted = self._pools[place].submit(_embed, method, [item for item, _ in chunk])
                try:
                    vectors[[index for _, index in chunk]] = self._wait(submitted, place)
                except ItemError as error:
                    raise ItemError(error.reason, None if error.index is None else chunk[error.index][1]) from error

        with ThreadPoolExecutor(len(self._pools)) as threads:
            for done in [threads.submit(embed_chunks, place) for place in range(len(self._pools))]:
                done.result()
        return vectors[[first[item] for item in checked]]

    def _wait(self, submitted: Future[Any], place: int) -> Any:
        try:
            return submitted.result()
        except BrokenProcessPool as error:
            told = f"the process of {self.devices[place]} has ended, for example because memory ran out"
            raise VirtueError(f"{told}; make the group anew.") from error


def load_on(config: str | Path | None, devices: str | None, **options: Any) -> VirtueEmbedder | DeviceGroup:
    """Load a model on the devices of a command line.

    Args:
        config: name of the model, as for `virtue_ref.embedder.load`.
        devices: one device, several with commas between them, or None for the usual one.
        options: other options of `virtue_ref.embedder.load`.
    """
    if devices is None or "," not in devices:
        return load(config, device=devices, **options)
    return DeviceGroup(config, [device.strip() for device in devices.split(",")], **options)


def _shut_down(pools: Sequence[ProcessPoolExecutor]) -> None:
    for pool in pools:
        pool.shutdown(cancel_futures=True)


def _load(config: str | Path | None, device: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Load the embedder of this process, and describe it."""
    import torch

    torch.set_num_threads(1)
    _loaded[:] = [load(config, device=device, **options)]
    return {key: getattr(_loaded[0], key) for key in ATTRIBUTES}


def _embed(method: str, items: Sequence[Item]) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = getattr(_loaded[0], method)(items)
    return vectors
