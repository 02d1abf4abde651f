# %%
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple

text = "the quick brown fox jumps over the lazy dog and the cat"
words = Counter(text.split())
words.most_common(2)
# %%
letters = Counter(text.replace(" ", ""))
sorted(letters.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
# %%
words["the"] -= 1
words + Counter(a=1), words["missing"], words.total()
# %%
groups = defaultdict(list)
for word in text.split():
    groups[len(word)].append(word)
for length in sorted(groups):
    print(length, groups[length])
# %%
Point = namedtuple("Point", "x y", defaults=[0])
p = Point(3)
p, p._replace(y=4), p._asdict()
# %%
queue = deque(maxlen=3)
queue.extend(range(5))
queue.rotate(1)
queue
# %%
scopes = ChainMap({"a": 1}, {"a": 2, "b": 3})
scopes["a"], scopes["b"], list(scopes)
# %%
d = OrderedDict(one=1, two=2)
d.move_to_end("one")
list(d)
# %%
import itertools as it

list(it.chain.from_iterable(["ab", "cd"])), list(it.accumulate([1, 2, 3, 4]))
# %%
[(key, list(group)) for key, group in it.groupby("aaabbc")]
# %%
list(it.product("ab", repeat=2))[:3], list(it.permutations("abc", 2))[:3], list(it.combinations("abcd", 3))
# %%
list(it.islice(it.count(10, 5), 4)), list(it.zip_longest("ab", "c", fillvalue="-")), list(it.pairwise([1, 4, 9]))
# %%
def primes():
    found = []
    for n in it.count(2):
        if all(n % p for p in it.takewhile(lambda p: p * p <= n, found)):
            found.append(n)
            yield n


list(it.islice(primes(), 15))
# %%
next(iter([]))
