# %%
from decimal import ROUND_HALF_UP, Decimal, getcontext, localcontext

Decimal("0.1") + Decimal("0.2"), 0.1 + 0.2, Decimal("2.675").quantize(Decimal("0.01"), ROUND_HALF_UP)
# %%
with localcontext() as context:
    context.prec = 50
    print(Decimal(2).sqrt())
getcontext().prec, Decimal(1) / Decimal(7)
# %%
Decimal(1) / Decimal(0)
# %%
from fractions import Fraction

Fraction(3, 4) + Fraction("1/6"), Fraction(0.125), Fraction("3.14159").limit_denominator(100)
# %%
import statistics as st

marks = [2, 3, 3, 5, 7, 11]
st.mean(marks), st.median(marks), st.mode(marks), round(st.stdev(marks), 6), st.quantiles(marks, n=4)
# %%
st.linear_regression([1, 2, 3], [2, 4, 6.5])
# %%
st.mean([])
# %%
import math

math.isqrt(10**20), math.gcd(462, 1071), math.comb(49, 6), math.isclose(0.1 + 0.2, 0.3), math.hypot(3, 4)
# %%
[f"{value:.12g}" for value in (math.sin(1), math.exp(1), math.log(10), math.gamma(5.5), math.tau)]
# %%
2**200, -7 // 2, -7 % 3, divmod(17, -5), round(2.5), int("ff", 16), complex(1, 2) * 1j
# %%
from datetime import date, datetime, time, timedelta, timezone

leap = date(2024, 2, 28) + timedelta(days=1)
leap, leap.strftime("%A %d %B %Y"), leap.isocalendar()[:], (date(2024, 12, 25) - leap).days
# %%
moment = datetime(2021, 3, 4, 5, 6, 7, tzinfo=timezone.utc)
moment.isoformat(), moment.timestamp(), moment.astimezone(timezone(timedelta(hours=-5)))
# %%
datetime.strptime("2020-01-31 23:59", "%Y-%m-%d %H:%M"), datetime.fromisoformat("2020-01-31T10:00:00+02:00")
# %%
# another version or system says it with other words
date(2023, 2, 30)
# %%
import calendar

print(calendar.month(2024, 2))
calendar.isleap(1900), calendar.monthrange(2023, 2)[1]
# %%
import random

random.seed(42)
random.random(), random.randint(1, 6), random.choice("abc"), random.sample(range(100), 3), random.gauss(0, 1)
# %%
shuffled = list(range(10))
random.shuffle(shuffled)
shuffled
# %%
import bisect
import heapq

heap = [5, 1, 4]
heapq.heapify(heap)
heapq.heappush(heap, 0)
[heapq.heappop(heap) for _ in range(4)], heapq.nlargest(2, marks), bisect.bisect(marks, 3)
