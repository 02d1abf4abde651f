# %%
import math
import random
import statistics
import time

random.seed(2024)
walk = [0]
for _ in range(60):
    walk.append(walk[-1] + random.choice((-1, 1)))
walk
# %%
def plot(values, height=8):
    low, high = min(values), max(values)
    for level in range(height, -1, -1):
        edge = low + (high - low) * level / height
        print(f"{edge:7.2f} |" + "".join("*" if value >= edge else " " for value in values))
    print(" " * 8 + "+" + "-" * len(values))


plot(walk)
# %%
plot([math.sin(x / 6) for x in range(60)], height=10)
# %%
def histogram(counts, width=40):
    most = max(counts.values())
    for key, count in sorted(counts.items()):
        print(f"{key:>3} {'█' * round(width * count / most)} {count}")


rolls = [random.randint(1, 6) + random.randint(1, 6) for _ in range(2000)]
histogram({total: rolls.count(total) for total in range(2, 13)})
# %%
inside = sum(random.random() ** 2 + random.random() ** 2 <= 1 for _ in range(20_000))
print(f"π is about {4 * inside / 20_000:.3f}")
# %%
sample = [random.gauss(100, 15) for _ in range(500)]
round(statistics.mean(sample), 6), round(statistics.stdev(sample), 6), statistics.quantiles(sample, n=4) == sorted(statistics.quantiles(sample, n=4))
# %%
def life(cells, steps):
    for _ in range(steps):
        near = {}
        for x, y in cells:
            for dx in (-1, 0, 1):
                for dy in (-1, 0, 1):
                    if dx or dy:
                        near[x + dx, y + dy] = near.get((x + dx, y + dy), 0) + 1
        cells = {c for c, n in near.items() if n == 3 or (n == 2 and c in cells)}
    return cells


glider = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
life(glider, 4) == {(x + 1, y + 1) for x, y in glider}, life(glider, 10)
# %%
for y in range(8):
    print("".join("#" if (x, y) in life(glider, 8) else "·" for x in range(8)))
# %%
class Account:
    def __init__(self, owner, balance=0):
        self.owner, self.balance, self.history = owner, balance, []

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("a deposit must be positive")
        self.balance += amount
        self.history.append(("deposit", amount))
        return self

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError(f"{self.owner} has {self.balance} only")
        self.balance -= amount
        self.history.append(("withdraw", amount))
        return self


account = Account("Ada").deposit(100).withdraw(30)
account.balance, account.history
# %%
account.withdraw(1000)
# %%
account.balance
# %%
started = time.perf_counter()
time.sleep(0.02)
elapsed = time.perf_counter() - started
0.015 < elapsed < 60
# %%
def game(secret, guesses):
    """Guess a number, without input()."""
    for turn, guess in enumerate(guesses, 1):
        if guess == secret:
            return f"found in {turn}"
        print(guess, "is too", "low" if guess < secret else "high")
    return "lost"


game(37, [50, 25, 37])
# %%
board = [[" "] * 3 for _ in range(3)]
for turn, (row, column) in enumerate([(1, 1), (0, 0), (0, 2), (2, 0), (2, 2)]):
    board[row][column] = "XO"[turn % 2]
print("\n-+-+-\n".join("|".join(row) for row in board))
board
# %%
random.seed("words")
random.sample(range(10_000), 30), random.shuffle(board), [random.betavariate(2, 3) > 0 for _ in range(3)]
# %%
weights = random.choices("abc", weights=[5, 3, 1], k=50)
{letter: weights.count(letter) for letter in "abc"}
