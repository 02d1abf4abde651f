# %%
from dataclasses import asdict, dataclass, field, replace
from typing import Generic, NamedTuple, Protocol, TypeVar


@dataclass(order=True)
class Item:
    price: float
    name: str = field(compare=False)
    tags: list[str] = field(default_factory=list, compare=False)

    def total(self, count: int = 1) -> float:
        return self.price * count


items = [Item(2.5, "tea"), Item(1.25, "bread", ["food"])]
sorted(items)
# %%
asdict(items[1]), replace(items[0], price=3), items[0].total(4)
# %%
@dataclass(frozen=True)
class Frozen:
    x: int


f = Frozen(1)
f.x = 2
# %%
T = TypeVar("T")


class Stack(Generic[T]):
    def __init__(self) -> None:
        self._items: list[T] = []

    def push(self, item: T) -> None:
        self._items.append(item)

    def pop(self) -> T:
        return self._items.pop()

    def __len__(self):
        return len(self._items)

    def __repr__(self):
        return f"Stack({self._items!r})"


stack = Stack[int]()
stack.push(1)
stack.push(2)
stack
# %%
class Shape(Protocol):
    def area(self) -> float: ...


class Edge(NamedTuple):
    a: int
    b: int = 0


Edge(1), Edge.__annotations__, isinstance(Edge(1), tuple)
# %%
import abc


class Base(abc.ABC):
    @abc.abstractmethod
    def run(self): ...

    @property
    def name(self):
        return type(self).__name__.lower()


class Child(Base):
    def run(self):
        return f"{self.name} runs"


Child().run(), issubclass(Child, Base)
# %%
import enum


class Color(enum.Enum):
    RED = 1
    GREEN = enum.auto()


class Perm(enum.Flag):
    R = 4
    W = 2


list(Color), Color["RED"], Color(2).name, Perm.R | Perm.W
# %%
class Celsius:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value

    def __hash__(self):
        return hash(self.value)

    def __add__(self, other):
        return Celsius(self.value + other.value)

    def __format__(self, spec):
        return f"{self.value:{spec}}°C"


f"{Celsius(20) + Celsius(1.5):.2f}", Celsius(1) == Celsius(1), len({Celsius(1), Celsius(1)})
# %%
import functools


@functools.lru_cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


fib(80), fib.cache_info()
# %%
@functools.singledispatch
def describe(value):
    return "thing"


@describe.register
def _(value: int):
    return "number"


describe(1), describe("x"), functools.reduce(lambda a, b: a * b, range(1, 8)), functools.partial(int, base=2)("101")
# %%
from contextlib import contextmanager, suppress


@contextmanager
def tag(name):
    print(f"<{name}>")
    try:
        yield name.upper()
    finally:
        print(f"</{name}>")


with tag("b") as value, suppress(KeyError):
    print(value)
    {}["missing"]
# %%
def walk(tree):
    match tree:
        case {"op": op, "args": [left, right]}:
            return f"({walk(left)} {op} {walk(right)})"
        case int() | float() as number:
            return str(number)
        case _:
            return "?"


walk({"op": "+", "args": [1, {"op": "*", "args": [2.5, "x"]}]})
# %%
# another version or system says it with other words
Base()
