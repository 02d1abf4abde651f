# %%
from typing import Any, Callable, Generic, Iterable, NamedTuple, Optional, Protocol, TypedDict, TypeVar, Union
from typing import Final, Literal, get_args, get_origin, get_type_hints, overload, runtime_checkable

Vector = list[float]


def scale(factor: float, vector: Vector) -> Vector:
    """Every number times the factor."""
    return [factor * number for number in vector]


scale(2.0, [1.0, -4.2, 5.4])
# %%
get_type_hints(scale), scale.__doc__
# %%
T = TypeVar("T")


class Stack(Generic[T]):
    def __init__(self) -> None:
        self._items: list[T] = []

    def push(self, item: T) -> None:
        self._items.append(item)

    def pop(self) -> T:
        return self._items.pop()

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Stack({self._items!r})"


stack = Stack[int]()
for n in range(40):
    stack.push(n * n)
stack
# %%
stack.pop(), len(stack), Stack[int]
# %%
@runtime_checkable
class Shape(Protocol):
    def area(self) -> float: ...


class Square:
    def __init__(self, side: float) -> None:
        self.side = side

    def area(self) -> float:
        return self.side**2


class Nothing:
    pass


isinstance(Square(2), Shape), isinstance(Nothing(), Shape)
# %%
class Film(TypedDict, total=False):
    name: str
    year: int


film: Film = {"name": "Blade Runner", "year": 1982}
film, sorted(Film.__annotations__), Film.__total__
# %%
class Employee(NamedTuple):
    name: str
    id: int = 3


Employee("Guido"), Employee("Ada", 1)._asdict(), Employee._field_defaults
# %%
get_origin(dict[str, int]), get_args(dict[str, int]), get_args(Literal["a", "b"])
# %%
Callable[[int], str], list[dict[str, tuple[int, ...]]]
# %%
def describe(value: int | str | list) -> str:
    match value:
        case int() if value < 0:
            return "negative"
        case int():
            return "a number"
        case str(text):
            return f"text of {len(text)}"
        case [first, *rest]:
            return f"{first} and {len(rest)} more"
        case _:
            return "nothing"


[describe(v) for v in (-1, 5, "abc", [1, 2, 3], [])]
# %%
@overload
def double(x: int) -> int: ...
@overload
def double(x: str) -> str: ...
def double(x):
    return x * 2


double(4), double("ab"), double
# %%
stack.push(*[1, 2])
