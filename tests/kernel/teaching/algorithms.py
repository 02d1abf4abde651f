# %%
import bisect
import collections
import heapq
import random


def quicksort(items):
    if len(items) <= 1:
        return items
    pivot, *rest = items
    return quicksort([x for x in rest if x < pivot]) + [pivot] + quicksort([x for x in rest if x >= pivot])


random.seed(42)
numbers = [random.randint(0, 999) for _ in range(40)]
quicksort(numbers)
# %%
quicksort(numbers) == sorted(numbers), random.random(), random.choice("abcdef")
# %%
graph = {
    "A": {"B": 4, "C": 2},
    "B": {"C": 5, "D": 10},
    "C": {"E": 3},
    "D": {"F": 11},
    "E": {"D": 4},
    "F": {},
}


def dijkstra(graph, start):
    distance = {node: float("inf") for node in graph} | {start: 0}
    queue = [(0, start)]
    while queue:
        far, node = heapq.heappop(queue)
        if far > distance[node]:
            continue
        for neighbour, weight in graph[node].items():
            if far + weight < distance[neighbour]:
                distance[neighbour] = far + weight
                heapq.heappush(queue, (far + weight, neighbour))
    return distance


dijkstra(graph, "A")
# %%
def bfs(graph, start):
    seen, queue = [start], collections.deque([start])
    while queue:
        for neighbour in graph[queue.popleft()]:
            if neighbour not in seen:
                seen.append(neighbour)
                queue.append(neighbour)
    return seen


bfs(graph, "A")
# %%
def topological(graph):
    order, done = [], set()

    def visit(node):
        if node not in done:
            done.add(node)
            for below in graph[node]:
                visit(below)
            order.append(node)

    for node in graph:
        visit(node)
    return order[::-1]


topological(graph)
# %%
grades = [bisect.bisect([60, 70, 80, 90], score) for score in (33, 99, 77, 70, 89, 90, 100)]
["FDCBA"[grade] for grade in grades]
# %%
heap = [5, 1, 8, 3]
heapq.heapify(heap)
[heapq.heappop(heap) for _ in range(4)], heapq.nlargest(3, numbers), heapq.nsmallest(2, numbers)
# %%
def sieve(limit):
    prime = [True] * (limit + 1)
    prime[0:2] = [False, False]
    for n in range(2, int(limit**0.5) + 1):
        if prime[n]:
            prime[n * n :: n] = [False] * len(prime[n * n :: n])
    return [n for n, is_prime in enumerate(prime) if is_prime]


sieve(200)
# %%
len(sieve(100_000)), sum(sieve(1000))
# %%
def hanoi(n, source="A", target="C", spare="B"):
    if n:
        yield from hanoi(n - 1, source, spare, target)
        yield f"{source}→{target}"
        yield from hanoi(n - 1, spare, target, source)


list(hanoi(4))
# %%
def queens(n, placed=()):
    if len(placed) == n:
        yield placed
        return
    for column in range(n):
        if all(column != c and abs(column - c) != len(placed) - r for r, c in enumerate(placed)):
            yield from queens(n, (*placed, column))


solution = next(queens(8))
print("\n".join(" ".join("Q" if c == column else "." for c in range(8)) for column in solution))
sum(1 for _ in queens(6))
# %%
def levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


levenshtein("kitten", "sitting"), levenshtein("", "abc")
# %%
matrix = [[1, 2, 3], [4, 5, 6], [7, 8, 10]]
transposed = [list(row) for row in zip(*matrix)]
product = [[sum(a * b for a, b in zip(row, column)) for column in zip(*transposed)] for row in matrix]
transposed, product
# %%
def permutations(items):
    if not items:
        return [[]]
    return [[x, *rest] for i, x in enumerate(items) for rest in permutations(items[:i] + items[i + 1 :])]


permutations([1, 2, 3, 4])
# %%
def deep(n):
    return deep(n + 1)


try:
    deep(0)
except RecursionError as error:
    print(type(error).__name__)
