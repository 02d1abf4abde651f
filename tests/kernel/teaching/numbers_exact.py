# %%
import cmath
import decimal
import fractions
import math
import operator
import statistics
from decimal import ROUND_HALF_UP, Decimal, getcontext, localcontext
from fractions import Fraction

0.1 + 0.2, Decimal("0.1") + Decimal("0.2"), Fraction(1, 10) + Fraction(2, 10)
# %%
getcontext().prec = 50
Decimal(2).sqrt(), Decimal(1) / Decimal(7)
# %%
with localcontext() as context:
    context.prec = 5
    print(Decimal(1) / 3)
Decimal("2.675").quantize(Decimal("0.01"), ROUND_HALF_UP), Decimal("1E+3").normalize(), Decimal("-0")
# %%
Decimal(1) / 0
# %%
prices = [Decimal(text) for text in "19.99 5.01 0.10".split()]
sum(prices), max(prices), [price.as_tuple() for price in prices]
# %%
Fraction("0.125"), Fraction(3.5), Fraction(355, 113).limit_denominator(10), Fraction(7, 3) // 1, Fraction(1, 3) ** 2
# %%
sum((Fraction(1, n) for n in range(1, 20)), Fraction(0))
# %%
scores = [88, 92, 79, 93, 85, 92, 70]
{name: getattr(statistics, name)(scores) for name in "mean median mode pstdev variance".split()}
# %%
statistics.linear_regression([1, 2, 3, 4], [3, 5, 7, 9]), statistics.correlation([1, 2, 3], [2, 4, 7])
# %%
statistics.mean([])
# %%
math.gcd(84, 36), math.lcm(4, 6), math.comb(52, 5), math.perm(5), math.factorial(30), math.isqrt(10**30)
# %%
2**200, -7 // 2, -7 % 3, divmod(17, 5), pow(3, 100, 7), round(2.5), round(-1.235, 2), int("ff", 16), bin(10), hex(255)
# %%
math.fsum([0.1] * 10), sum([0.1] * 3), math.isclose(0.1 + 0.2, 0.3), math.inf > 10**300, math.nan == math.nan
# %%
cmath.sqrt(-4), abs(3 + 4j), (1 + 2j) * (3 - 1j), complex("1+2j").conjugate()
# %%
(255).bit_length(), (1000).to_bytes(2, "big"), int.from_bytes(b"\x01\x00", "big"), 0b1010 ^ 0b0110, ~5, 1 << 70
# %%
float.hex(0.1), (0.1).as_integer_ratio(), float("1e-320"), 1e308 * 10, 5 / 2, 5 // 2.0
# %%
int("twelve")
# %%
10**400 / 3.0
# %%
[[n * m for m in range(1, 13)] for n in range(1, 13)]
