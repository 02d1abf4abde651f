"""The programs that are measured."""

HELLO = """\
#include <stdio.h>
int main(void) { puts("hello"); }
"""

# Sieve, matrix product, recursion: a second or less in all. Times itself, so that starting and
# loading do not count.
COMPUTE = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int sieve(int n) {
    char *composite = calloc(n + 1, 1);
    int found = 0;
    for (int i = 2; i <= n; i++) {
        if (composite[i]) continue;
        found++;
        for (long j = (long)i * i; j <= n; j += i) composite[j] = 1;
    }
    free(composite);
    return found;
}

#define N 400
static double a[N][N], b[N][N], c[N][N];

static double product(void) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) a[i][j] = i + j, b[i][j] = i - j, c[i][j] = 0;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            for (int j = 0; j < N; j++) c[i][j] += a[i][k] * b[k][j];
    return c[N - 1][N - 1];
}

static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

int main(void) {
    double start = now();
    int primes = sieve(2000000);
    double corner = product();
    int number = fib(34);
    fprintf(stderr, "%d %.0f %d\\n", primes, corner, number);
    printf("%.3f\\n", now() - start);
}
"""


def edited(number: int) -> str:
    """A program that no cache has seen: hello, with a number of its own."""
    return f'#include <stdio.h>\nint main(void) {{ puts("hello {number}"); }}\n'
