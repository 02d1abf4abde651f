# %%
from abc import ABC, abstractmethod
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from enum import Enum, Flag, IntEnum, auto, unique
from functools import cached_property, singledispatch, total_ordering


@dataclass(order=True)
class Book:
    title: str
    price: float = field(compare=False)
    tags: list[str] = field(default_factory=list, compare=False, repr=False)


shelf = [Book("Emma", 7.5), Book("Dracula", 9.0, ["horror"]), Book("Ulysses", 12.25)]
sorted(shelf)
# %%
asdict(shelf[1]), astuple(shelf[0]), replace(shelf[2], price=1), [f.name for f in fields(Book)]
# %%
@dataclass(frozen=True, slots=True)
class Coordinate:
    x: int
    y: int

    def __add__(self, other):
        return Coordinate(self.x + other.x, self.y + other.y)


{Coordinate(1, 2): "here"}, Coordinate(1, 2) + Coordinate(3, 4)
# %%
# another version or system says it with other words
Coordinate(1, 2).x = 5
# %%
class Weekday(IntEnum):
    MONDAY = 1
    TUESDAY = 2


class Colour(Enum):
    RED = auto()
    GREEN = auto()

    @property
    def pretty(self):
        return self.name.title()


[c.pretty for c in Colour], Colour["RED"], Colour(2), Weekday.MONDAY < Weekday.TUESDAY
# %%
Colour.RED
# %%
list(Colour)
# %%
Colour(9)
# %%
class Shape(ABC):
    @abstractmethod
    def area(self):
        """Its size."""

    def __str__(self):
        return f"{type(self).__name__} of {self.area():.2f}"


class Circle(Shape):
    def __init__(self, r):
        self.r = r

    def area(self):
        return 3.14159 * self.r**2


print(Circle(2))
[cls.__name__ for cls in Circle.__mro__]
# %%
# another version or system says it with other words
Shape()
# %%
@total_ordering
class Version:
    def __init__(self, text):
        self.parts = tuple(map(int, text.split(".")))

    def __eq__(self, other):
        return self.parts == other.parts

    def __lt__(self, other):
        return self.parts < other.parts

    def __repr__(self):
        return "v" + ".".join(map(str, self.parts))


sorted(map(Version, "1.10 1.9 2.0 0.1.3".split())), Version("1.0") >= Version("0.9")
# %%
class Temperature:
    def __init__(self, celsius):
        self.celsius = celsius

    @property
    def fahrenheit(self):
        return self.celsius * 9 / 5 + 32

    @fahrenheit.setter
    def fahrenheit(self, value):
        self.celsius = (value - 32) * 5 / 9

    @classmethod
    def freezing(cls):
        return cls(0)

    @cached_property
    def slow(self):
        print("computed once")
        return self.celsius**2


t = Temperature.freezing()
t.fahrenheit = 212
t.celsius, t.slow, t.slow, vars(t)
# %%
class Positive:
    def __set_name__(self, owner, name):
        self.name = f"_{name}"

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        if value <= 0:
            raise ValueError(f"{self.name[1:]} must be positive, not {value}")
        setattr(instance, self.name, value)


class Order:
    amount = Positive()

    def __init__(self, amount):
        self.amount = amount


print(Order(3).amount)
Order(-1)
# %%
@singledispatch
def show(value):
    return f"something: {value}"


@show.register
def _(value: int):
    return f"number {value}"


@show.register
def _(value: list):
    return [show(item) for item in value]


show([1, "two", [3]])
# %%
class Countdown:
    def __init__(self, start):
        self.start = start

    def __iter__(self):
        return (n for n in range(self.start, 0, -1))

    def __contains__(self, n):
        return 0 < n <= self.start

    def __getitem__(self, index):
        return list(self)[index]


list(Countdown(5)), 3 in Countdown(2), Countdown(9)[2:4], [*reversed(list(Countdown(3)))]
# %%
t.kelvin
