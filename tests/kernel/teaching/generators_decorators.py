# %%
import contextlib
import functools
import itertools


def fibonacci():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b


list(itertools.islice(fibonacci(), 30))
# %%
def averager():
    total, count, average = 0, 0, None
    while True:
        value = yield average
        total, count = total + value, count + 1
        average = total / count


running = averager()
next(running)
[running.send(n) for n in (10, 20, 60)]
# %%
def flatten(items):
    for item in items:
        if isinstance(item, list):
            yield from flatten(item)
        else:
            yield item


list(flatten([1, [2, [3, [4, 5]], 6], [[7]]]))
# %%
def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        print(f"-> {function.__name__}{args}")
        result = function(*args, **kwargs)
        print(f"<- {result}")
        return result

    return wrapper


@logged
def power(base, exponent=2):
    """The base to the exponent."""
    return base**exponent


power(3), power(2, 10), power.__doc__
# %%
power
# %%
def repeat(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return [function(*args) for _ in range(times)]

        return wrapper

    return decorate


@repeat(3)
def greet(name):
    return f"hello {name}"


greet("you")
# %%
@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


fib(90), fib.cache_info()
# %%
@contextlib.contextmanager
def tag(name):
    print(f"<{name}>")
    try:
        yield name.upper()
    finally:
        print(f"</{name}>")


with tag("ul") as outer, tag("li"):
    print("inside", outer)
# %%
class Managed:
    def __enter__(self):
        print("enter")
        return self

    def __exit__(self, kind, value, traceback):
        print("exit", kind and kind.__name__)
        return kind is KeyError


with Managed():
    {}["missing"]
print("went on")
# %%
with Managed():
    1 / 0
# %%
with contextlib.suppress(ZeroDivisionError), contextlib.ExitStack() as stack:
    for name in "abc":
        stack.enter_context(tag(name))
    1 / 0
# %%
squares = (n * n for n in range(5))
next(squares), sum(squares), list(squares)
# %%
next(squares)
# %%
compose = lambda *fs: functools.reduce(lambda f, g: lambda x: g(f(x)), fs)  # noqa: E731
compose(str.strip, str.title, lambda s: s + "!")("  hello world ")
# %%
def pipeline(numbers):
    evens = (n for n in numbers if n % 2 == 0)
    return list(itertools.takewhile(lambda n: n < 400, (n**2 for n in evens)))


pipeline(range(1000))
# %%
def outer():
    x = "outer"

    def inner():
        nonlocal x
        x = "changed"
        return locals()

    return inner(), x


outer()
# %%
print(*map(lambda pair: "{}={}".format(*pair), {"a": 1, "b": 2}.items()), sep="; ")
