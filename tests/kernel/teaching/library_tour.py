# %%
import array
import base64
import bisect
import calendar
import collections
import configparser
import difflib
import functools
import graphlib
import gzip
import hashlib
import heapq
import hmac
import io
import pickle
import string
import struct
import sys
import tomllib

struct.pack("<ihd", 1, 2, 3.0), struct.unpack(">HBB", b"\x01\x00\x02\x03"), struct.calcsize("<qf")
# %%
numbers = array.array("d", [1, 2.5])
numbers.append(4)
numbers, sum(numbers), array.array("B", b"abc").tolist()
# %%
print(calendar.month(2024, 2))
calendar.TextCalendar(firstweekday=6).prmonth(2024, 9)
calendar.isleap(2000), calendar.monthrange(2026, 11)[1], list(calendar.day_abbr)
# %%
before, after = "one\ntwo\nthree".splitlines(), "one\n2\nthree\nfour".splitlines()
print("\n".join(difflib.unified_diff(before, after, "a", "b", lineterm="")))
difflib.get_close_matches("appel", ["ape", "apple", "peach"]), difflib.SequenceMatcher(
    None, "abcd", "bcde"
).ratio()
# %%
order = graphlib.TopologicalSorter({"D": {"B", "C"}, "B": {"A"}, "C": {"A"}, "A": set()})
[step for step in order.static_order() if step in "AD"]
# %%
list(graphlib.TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())
# %%
letter = string.Template("Dear $name, you owe ${amount} €, $$ is fine")
letter.substitute(name="Ada", amount=5), letter.safe_substitute(name="Bob")
# %%
letter.substitute(name="Ada")
# %%
settings = configparser.ConfigParser()
settings.read_string("[server]\nport = 8080\ndebug = yes\n[paths]\nhome = /home\nlogs = %(home)s/logs")
settings["server"].getint("port"), settings.getboolean("server", "debug"), settings["paths"]["logs"]
# %%
settings.write(sys.stdout)
settings.get("server", "missing")
# %%
tomllib.loads('title = "x"\n[owner]\ndob = 1979-05-27T07:32:00Z\nlist = [1, 2.5, true]')
# %%
tomllib.loads("a = = 1")
# %%
hashlib.sha256(b"abc").hexdigest(), hashlib.blake2b(b"abc", digest_size=4).hexdigest()
# %%
tag = hmac.new(b"key", b"message", "sha256").hexdigest()
tag[:16], hmac.compare_digest(tag, tag.upper()), base64.b64encode(b"\x00\xffabc"), base64.b32decode(
    "MFRGG==="
)
# %%
packed = gzip.compress(b"spam " * 100, mtime=0)
len(packed) < 100, gzip.decompress(packed)[:9], gzip.open(io.BytesIO(packed), "rt").read(4)
# %%
heap = []
for priority, task in [(5, "sleep"), (1, "eat"), (3, "code")]:
    heapq.heappush(heap, (priority, task))
[heapq.heappop(heap) for _ in range(3)], list(heapq.merge([1, 4], [2, 3])), heapq.nsmallest(2, [3, 1, 2])
# %%
def grade(score, breakpoints=(60, 70, 80, 90), grades="FDCBA"):
    return grades[bisect.bisect(breakpoints, score)]


sorted_names = ["ann", "cid"]
bisect.insort(sorted_names, "bob")
[grade(score) for score in (33, 60, 77, 90, 100)], sorted_names
# %%
@functools.singledispatch
def describe(value):
    return f"something: {value!r}"


@describe.register
def _(value: int):
    return f"the number {value}"


@describe.register(list)
def _(value):
    return f"{len(value)} items"


describe(3), describe([1, 2]), describe("x"), describe.registry.keys() >= {int, list}
# %%
@functools.lru_cache(maxsize=2)
def square(n):
    print("computing", n)
    return n * n


[square(2), square(2), square(3), square(4), square(2)], square.cache_info()
# %%
@functools.total_ordering
class Version:
    def __init__(self, text):
        self.parts = tuple(map(int, text.split(".")))

    def __eq__(self, other):
        return self.parts == other.parts

    def __lt__(self, other):
        return self.parts < other.parts

    def __reduce__(self):
        return Version, (".".join(map(str, self.parts)),)


old, new = Version("1.9"), Version("1.10")
old < new, old >= new, max(old, new) is new, pickle.loads(pickle.dumps(new)) == new
# %%
pickle.loads(pickle.dumps({"set": {1}, "nested": [(1, 2.5), b"x", None, collections.Counter("aab")]}))
# %%
pickle.loads(b"no pickle")
