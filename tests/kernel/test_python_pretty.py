"""Results are laid out as IPython lays them out: the real IPython of this environment compared."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.lib.pretty import pretty
from python_session import (  # noqa: F401 (fixtures)
    fails,
    hypervisor_fixture,
    plain,
    session_fixture,
    value,
)

from hypercell.kernel.session import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETUP = '''
import collections, dataclasses, datetime, decimal, enum, fractions, functools, itertools, math
import operator, pathlib, random, re, string, types

@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5
    tags: list = dataclasses.field(default_factory=list)

class Own:
    def _repr_pretty_(self, p, cycle):
        with p.group(4, "Own(", ")"):
            for number in range(12):
                if number:
                    p.text(",")
                    p.breakable()
                p.pretty([number] * number)

class Lines:
    def __repr__(self):
        return "first line\\nsecond line"

class Meta(type):
    def __repr__(cls):
        return f"the class {cls.__name__}"

class WithMeta(metaclass=Meta):
    pass

class Colour(enum.Enum):
    RED = 1

class MyList(list):
    pass

class MyDict(dict):
    pass

class MyDictWithRepr(dict):
    def __repr__(self):
        return "mine"

class Cached(collections.OrderedDict):
    pass

class MyError(Exception):
    pass

Named = collections.namedtuple("Named", "left right")

def f(a, b=1, *rest, key=None, **others):
    return a

def generator():
    yield 1

async def coroutine(x):
    return x

def cyclic(kind):
    made = kind()
    made.append(1)
    made.append(made)
    return made

def cyclic_dict(kind=dict):
    made = kind()
    made["self"] = made
    return made

def cyclic_other(made):
    made.append(made) if hasattr(made, "append") else made.__setitem__(0, made)
    return made

def anything(seed, depth=0):
    """A nested value, the same wherever it is made and whichever version shows it."""
    r = random.Random(seed)
    def make(depth):
        kind = r.choice("isfbn" + "ltdSFcDqpN" * (depth < 4))
        if kind == "i":
            return r.randint(-10 ** r.randint(1, 30), 10 ** 5)
        if kind == "s":
            letters = "ab c\\n'\\"ä\\u2028\\x85\\x00"
            return "".join(r.choice(letters) for _ in range(r.randint(0, 40)))
        if kind == "f":
            return r.choice([r.random(), math.inf, -0.0, 1e300])
        if kind == "b":
            return r.choice([True, False, None, ..., b"x\\xff", 2j, NotImplemented])
        if kind == "n":
            return Named(make(depth + 1), make(depth + 1)) if depth < 4 else Point
        n = r.choice([0, 1, 2, 3, 5, 8, 20])
        if kind in "lt":
            return (list if kind == "l" else tuple)(make(depth + 1) for _ in range(n))
        if kind in "SF":
            made = (r.choice([r.randint(0, 99), str(r.random()), None]) for _ in range(n % 2))
            return (set if kind == "S" else frozenset)(i for i in made if isinstance(i, int))
        pairs = [(r.choice([r.randint(0, 99), str(r.random())]), make(depth + 1)) for _ in range(n)]
        if kind == "q":
            return collections.deque((v for _, v in pairs), maxlen=r.choice([None, 30]))
        if kind == "p":
            return Point(n, y=make(depth + 1), tags=[v for _, v in pairs])
        if kind == "N":
            return types.SimpleNamespace(**{f"k{k}".replace(".", ""): v for k, v in pairs})
        if kind == "c":
            return collections.Counter({k: n for n, (k, _) in enumerate(pairs)})
        if kind == "D":
            return collections.defaultdict(list, pairs)
        return dict(pairs)
    return make(0)
'''

VALUES = """
list(range(100))
list(range(26))
list(range(27))
list(range(28))
tuple(range(26))
[10 ** 5] * 11
['x' * n for n in range(30)]
['a' * 77]
['a' * 75]
['a' * 76]
['a' * 73, 1]
['a' * 74, 1]
'x' * 200
'a\\nb'
{n: str(n) * 5 for n in range(20)}
{'b': 1, 'a': 2}
{'key': {'inner': list(range(40))}, 'other': [[1, 2], [3, 4]]}
{3, 1, 2}
{'b', 'a'}
frozenset({2, 1})
set(), frozenset(), [], (), {}
(1,), [None], {None: None}
set(range(1200))
list(range(1000))
list(range(1001))
dict.fromkeys(range(1001))
collections.deque(range(1100))
[[0] * 20] * 20
[['abc', 'def']] * 30
((1, 2), [3, {4: 5}])
collections.Counter('mississippi river')
collections.Counter()
collections.Counter({n: n for n in range(40)})
collections.OrderedDict(a=1, b=[1, 2])
collections.OrderedDict()
collections.defaultdict(list)
collections.defaultdict(int, {'a': 1, 'b': 2})
collections.defaultdict(lambda: 0).default_factory is None
collections.deque([1, 2, 3], maxlen=5)
collections.deque('abc')
collections.ChainMap({'a': 1}, {'b': 2})
collections.UserDict(a=1), collections.UserList([1, 2]), collections.UserString('s')
Point(1, 2.5), [Point(n, tags=['x' * n]) for n in range(12)]
Point(1, tags=[Point(2, tags=list(range(60)))])
Named(1, [2]), Named
Own(), [Own()]
Lines(), [Lines(), {1: Lines()}]
WithMeta, [WithMeta], Meta
Colour.RED, Colour, list(Colour)
MyList([1, 2]), MyDict(a=1), MyDictWithRepr(a=1), Cached(a=1)
f, [f], {'f': f}
generator, coroutine, (lambda x: x)
print, len, abs, [].append, 'x'.join, math.sin
str.upper, int.__add__, dict.fromkeys, object.__repr__
int, str, [int, float], Point, collections.OrderedDict, types.SimpleNamespace, type
ValueError('bad'), KeyError(1, 'x'), MyError('own'), [ValueError(2, 'no')], MyError, BaseException()
StopIteration(list(range(40)))
ExceptionGroup('g', [ValueError(1)])
cyclic(list)
cyclic_dict()
cyclic_dict(collections.OrderedDict)
cyclic_other(collections.deque())
cyclic_other(collections.defaultdict(list))
[cyclic(list)] * 2
types.SimpleNamespace(a=1, b='x' * 80)
re.compile('a+'), re.compile(r'\\d', re.I | re.M), re.compile(b'x')
re.match('a', 'abc')
datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3), datetime.timedelta(days=1.5)
decimal.Decimal('1.10'), fractions.Fraction(1, 3), 1.5, 2j, True, None, ..., NotImplemented
[0.1 + 0.2, 1e100, float('nan'), float('inf')]
range(10), slice(1, 2), b'bytes', bytearray(b'x'), memoryview(b'x')[0]
pathlib.PurePosixPath('/a/b'), [pathlib.PurePosixPath('x')]
types.MappingProxyType({'a': 1})
functools.partial(int, base=2)
itertools.count(3), zip, enumerate
operator.itemgetter(1), operator.add
{'a': 1}.keys(), {'a': 1}.values(), {'a': 1}.items()
{n: n for n in range(60)}.keys()
dict(zip(string.ascii_letters, range(52)))
{(1, 2): 'a', (3,): {'deep': {'deeper': {'deepest': list(range(50))}}}}
{1, 'a', 2.5}
[{'name': 'Ada Lovelace', 'born': 1815}, {'name': 'Grace Hopper', 'born': 1906}]
[[n * m for m in range(10)] for n in range(10)]
"""
RANDOM = 120


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """The same definitions here, for the real IPython."""
    made: dict[str, Any] = {"__name__": "__main__"}
    exec(SETUP, made)  # noqa: S102
    return made


async def shown(session: Session, expressions: list[str]) -> list[str]:
    """What each of them shows, from one cell."""
    cell = f"for expression in {expressions!r}:\n    display(eval(expression))\n    display('|||')"
    result = await session.execute(f"{SETUP}\n{cell}")
    assert result.ok, result.traceback
    return [text.strip("\n") for text in result.text.split("'|||'")[:-1]]


async def test_values_look_as_in_ipython(session: Session, names: dict[str, Any]) -> None:
    expressions = VALUES.strip().split("\n")
    found = await shown(session, expressions)
    for expression, text in zip(expressions, found, strict=True):
        assert text == pretty(eval(expression, names)), expression  # noqa: S307


async def test_nested_values_look_as_in_ipython(session: Session, names: dict[str, Any]) -> None:
    found = await shown(session, [f"anything({seed})" for seed in range(RANDOM)])
    for seed, text in enumerate(found):
        assert text == pretty(names["anything"](seed)), seed


async def test_a_cell_s_value_looks_the_same(session: Session) -> None:
    assert await value(session, "list(range(30))") == pretty(list(range(30)))
    assert await value(session, "{n: 'x' * n for n in range(20)}") == pretty(
        {n: "x" * n for n in range(20)}
    )


async def test_an_error_within_a_value_names_the_cell_only(session: Session) -> None:
    text = plain(await fails(session, "class A:\n    def __repr__(self): return 1 / 0\n[A()]"))
    assert "ZeroDivisionError" in text
    assert "pretty.py" not in text


async def test_data_too_deep_to_lay_out_is_an_error_of_python(session: Session) -> None:
    result = await fails(session, "kept = 1\nt = []\nfor i in range(5000): t = [t]\nt")
    assert "RecursionError" in plain(result)
    assert await value(session, "kept") == "1"


async def test_the_library_can_be_used(session: Session) -> None:
    cell = "from IPython.lib.pretty import pretty\nprint(pretty({'a': [1] * 40}, max_width=20))"
    result = await session.execute(cell)
    assert result.stdout.decode() == pretty({"a": [1] * 40}, max_width=20) + "\n"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("HTML('x')", "<IPython.core.display.HTML object>"),
        ("[JSON({}), Markdown('x')]",
         "[<IPython.core.display.JSON object>, <IPython.core.display.Markdown object>]"),
        ("HTML, Code, Video", "(IPython.core.display.HTML, IPython.lib.display.Code, "
         "IPython.core.display.Video)"),
        ("display.__module__, DisplayHandle", "('IPython.core.display_functions', "
         "IPython.core.display_functions.DisplayHandle)"),
        ("import pickle\npickle.loads(pickle.dumps(HTML('x'))).data", "'x'"),
        ("import random\nrandom.seed.__module__, random.setstate.__name__",
         "('random', 'setstate')"),
        ("import getpass\n(input.__module__, getpass.getpass.__name__)", "('builtins', 'getpass')"),
    ],
)  # fmt: skip
async def test_names_are_those_that_people_know(session: Session, cell: str, shown: str) -> None:
    text = await value(session, f"from IPython.display import *\n{cell}")
    assert text.replace("\n", "").replace(",  ", ", ") == shown.replace(",  ", ", ")
    result = await session.execute("h = HTML('x')\n%whos")
    assert b"hypercell" not in result.stdout
