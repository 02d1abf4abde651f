# %%
import asyncio


async def fetch(name, delay):
    await asyncio.sleep(delay)
    print("got", name)
    return name.upper()


async def main():
    return await asyncio.gather(fetch("b", 0.02), fetch("a", 0))


asyncio.run(main())
# %%
async def consume(queue, seen):
    while (item := await queue.get()) is not None:
        seen.append(item)


async def pipeline():
    queue, seen = asyncio.Queue(maxsize=2), []
    async with asyncio.TaskGroup() as group:
        group.create_task(consume(queue, seen))
        for number in range(5):
            await queue.put(number)
        await queue.put(None)
    return seen


asyncio.run(pipeline())
# %%
async def slow():
    async with asyncio.timeout(0.01):
        await asyncio.sleep(5)


asyncio.run(slow())
# %%
async def countdown(n):
    while n:
        yield n
        n -= 1


async def collect():
    return [n async for n in countdown(3)]


asyncio.run(collect())
# %%
async def cancelled():
    task = asyncio.create_task(asyncio.sleep(10))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled", task.cancelled()


asyncio.run(cancelled())
# %%
import unittest


class TestText(unittest.TestCase):
    def setUp(self):
        self.text = "abc"

    def test_upper(self):
        self.assertEqual(self.text.upper(), "ABC")

    def test_error(self):
        with self.assertRaisesRegex(ValueError, "invalid literal"):
            int("x")

    def test_sub(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertIn(n, range(3))

    @unittest.skip("on purpose")
    def test_skipped(self):
        pass

    def test_fails(self):
        self.assertEqual([1, 2], [1, 3])


suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestText)
result = unittest.TestResult()
suite.run(result)
result.testsRun, len(result.failures), len(result.errors), len(result.skipped)
# %%
print(result.failures[0][1].splitlines()[-1] if result.failures[0][1].splitlines()[-1] else "")
[line for line in result.failures[0][1].splitlines() if line.startswith("AssertionError")]
# %%
from unittest.mock import Mock, patch

mock = Mock(return_value=3)
mock(1, key=2)
mock.assert_called_once_with(1, key=2)
with patch("os.getcwd", return_value="/nowhere"):
    import os

    print(os.getcwd())
mock.call_args
# %%
import doctest


def square(n):
    """Square.

    >>> square(3)
    9
    >>> square("x")
    Traceback (most recent call last):
    TypeError: can't multiply sequence by non-int of type 'str'
    """
    return n * n


finder = doctest.DocTestFinder().find(square, "square", globs={"square": square})
doctest.DocTestRunner().run(finder[0])
# %%
import logging

stream = __import__("io").StringIO()
logging.basicConfig(stream=stream, level=logging.INFO, format="%(levelname)s:%(message)s", force=True)
logging.info("hello %s", "log")
logging.debug("unseen")
stream.getvalue()
# %%
import contextvars
import copy
import operator
import pprint

pprint.pprint({"numbers": list(range(30)), "nested": {"a": [1, 2, {"b": None}]}}, width=60)
deep = {"a": [1, 2]}
other = copy.deepcopy(deep)
other["a"].append(3)
deep, operator.itemgetter(1)([5, 6])
# %%
def outer():
    def inner():
        nonlocal_missing

    return inner


outer()()
# %%
print(*range(3), sep=", ", end="!\n")
assert 1 + 1 == 3, "arithmetic"
