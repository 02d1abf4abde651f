"""The messages of a cell that have not been sent: in order, and no more than a page needs."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import msgspec

_MAX_RUNS = 40  # changes between stdout and stderr kept in order within an interval


class Run(msgspec.Struct):
    """Bytes of one stream."""

    name: str
    data: bytearray


class Message(msgspec.Struct):
    """A message, or one that is still being made by ``task``."""

    kind: str
    content: dict[str, Any]
    task: asyncio.Task[Any] | None = None
    id: str = ""

    @property
    def ready(self) -> bool:
        """Whether it can be sent."""
        return self.task is None or self.task.done()


Item = Run | Message


class Queue:
    """Where a later item makes an earlier one pointless, the earlier one is never sent."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._updates: dict[str, Message] = {}  # those that wait behind the last clear, by id

    def __bool__(self) -> bool:
        return bool(self._items)

    def write(self, name: str, data: bytes) -> None:
        """Append to the stream, if need be out of order with the other."""
        last = self._items[-1] if self._items else None
        if not (isinstance(last, Run) and last.name == name):
            last = self._earlier(name) or self._append(Run(name, bytearray()))
        last.data += data

    def add(self, message: Message) -> None:
        """Append a message. An update replaces the one before it of the same display."""
        if message.kind != "update_display_data":
            self._append(message)
        elif (item := self._updates.get(message.id)) is not None:
            _drop(item)
            item.content, item.task = message.content, message.task
        else:
            self._append(message)
            self._updates[message.id] = message

    def clear(self, message: Message) -> None:
        """Append a ``clear_output``, or make one of it and the last."""
        last = self._items[-1] if self._items else None
        if isinstance(last, Message) and last.kind == "clear_output":
            message.content["wait"] &= last.content["wait"]
            self._items.pop()
        if not message.content["wait"]:
            self._forget()
        self._items.append(message)
        self._updates.clear()

    def take(self) -> Item | None:
        """The next item that can be sent."""
        if not self._items:
            return None
        first = self._items[0]
        if isinstance(first, Message):
            if not first.ready:
                return None
            if self._updates.get(first.id) is first:
                del self._updates[first.id]
        return self._items.popleft()

    def tasks(self) -> list[asyncio.Task[Any]]:
        """What is still being made."""
        return [
            item.task
            for item in self._items
            if isinstance(item, Message) and item.task is not None and not item.task.done()
        ]

    def _append(self, item: Any) -> Any:
        last = self._items[-1] if self._items else None
        if isinstance(last, Message) and last.kind == "clear_output":
            # Now that something follows, nothing that is waiting before it will be seen.
            self._items.pop()
            self._forget()
            self._items.append(last)
        self._items.append(item)
        return item

    def _forget(self) -> None:
        for item in self._items:
            if isinstance(item, Message):
                _drop(item)
        self._items.clear()
        self._updates.clear()

    def _earlier(self, name: str) -> Run | None:
        """A run to append to where stdout and stderr change too often; None: in order."""
        runs: list[Run] = []
        for item in reversed(self._items):
            if not isinstance(item, Run):
                return None
            runs.append(item)
            if len(runs) >= _MAX_RUNS:
                return next((run for run in runs if run.name == name), None)
        return None


def _drop(item: Message) -> None:
    if item.task is not None:
        item.task.cancel()
