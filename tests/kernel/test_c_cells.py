"""C cells through a real kernel: what the notebook shows."""

from __future__ import annotations

import re
import time

from real_kernel import SECONDS, Client

DIVIDE = """%%c
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) int divide(int a, int b) {
    if (b == 0) abort();
    return a / b;
}

int main(int argc, char **argv) {
    return divide(1, argc - 1);
}
"""


def plain(lines: list[str]) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))


def test_a_statement_is_a_cell(kernel: Client) -> None:
    outcome = kernel.run('%%c\nprintf("%d\\n", 6*7);')
    assert (outcome.error, outcome.stream()) == ("", "42\n")


def test_a_trap_points_into_the_cell(kernel: Client) -> None:
    outcome = kernel.run(DIVIDE)
    assert outcome.error == "Trap"
    text = plain(outcome.reply["traceback"])
    count = outcome.reply["execution_count"]
    assert f"cell {count}, line 11, in main\n    return divide(1, argc - 1);" in text
    assert f"cell {count}, line 6, in divide\n    if (b == 0) abort();" in text
    assert text.index("in main") < text.index("in divide") < text.index("Trap: ")
    assert "hint: " in text


def test_an_error_of_the_compiler_points_into_the_cell(kernel: Client) -> None:
    outcome = kernel.run("%%c\n\nint main(void) { return x; }\n")
    assert outcome.error == "BuildError"
    text = plain(outcome.reply["traceback"])
    assert "3:25" in text
    assert "return x;" in text
    assert "^" in text


def test_a_program_of_several_files(kernel: Client) -> None:
    kernel.run("%%file util.h\nint twice(int);")
    kernel.run('%%file util.c\n#include "util.h"\nint twice(int x) { return 2 * x; }')
    source = '#include "util.h"\n#include <stdio.h>\nint main(void) { printf("%d\\n", twice(21)); }'
    outcome = kernel.run(f"%%c --add util.c\n{source}")
    assert (outcome.error, outcome.stream()) == ("", "42\n")
    assert kernel.run(f"%%c\n{source}").error == "BuildError"


def test_home_is_kept_after_a_good_cell_only(kernel: Client) -> None:
    write = '%%c\nFILE *f = fopen("{}", "w"); fputs("data", f); fclose(f); exit({});'
    assert kernel.run(write.format("good.txt", 0)).error == ""
    assert kernel.run(write.format("bad.txt", 1)).error == "ExitStatus"
    assert kernel.run(write.replace("%%c", "%%c --fresh").format("fresh.txt", 0)).error == ""
    trapped = '%%c\nFILE *f = fopen("bad2.txt", "w"); fclose(f); remove("good.txt"); abort();'
    assert kernel.run(trapped).error == "Trap"
    files = kernel.run("%files").result
    assert "good.txt" in files
    assert "bad" not in files
    assert "fresh" not in files
    read = '%%c\nchar b[9] = ""; fgets(b, 9, fopen("/home/good.txt", "r")); puts(b);'
    assert kernel.run(read).stream() == "data\n"
    assert kernel.run('%%c\nremove("good.txt");').error == ""
    assert "good.txt" not in kernel.run("%files").result


def test_memory_limit(kernel: Client) -> None:
    outcome = kernel.run(
        "%%c --mem 4M\n"
        "for (int i = 0; i < 64; i++) {\n"
        "    volatile char *p = malloc(1 << 20);\n"
        '    if (!p) { puts("none"); exit(1); }\n'
        "    for (int j = 0; j < 1 << 20; j += 4096) p[j] = 1;\n"
        "}\n"
    )
    assert outcome.error == "MemoryLimitExceeded"
    assert outcome.stream() == "none\n"
    assert "4 MiB" in outcome.reply["evalue"]
    assert kernel.run('%%c\nputs("next");').stream() == "next\n"


def test_arguments_environment_input(kernel: Client) -> None:
    outcome = kernel.run(
        "%%c --env A=b --stdin 'one\\ntwo' --args x 'y z'\n"
        "#include <stdio.h>\n#include <stdlib.h>\n"
        "int main(int c, char **v) {\n"
        "  for (int i = 1; i < c; i++) puts(v[i]);\n"
        '  puts(getenv("A"));\n'
        "  for (int d; (d = getchar()) != EOF;) putchar(d);\n"
        "}"
    )
    assert (outcome.error, outcome.stream()) == ("", "x\ny z\nb\none\ntwo")


def test_input_from_the_front_end(kernel: Client) -> None:
    msg_id = kernel.client.execute(
        '%%c\nchar name[50]; printf("name? "); fflush(stdout); scanf("%49s", name);'
        'printf("hello %s\\n", name);',
        allow_stdin=True,
    )
    kernel.until("stream", msg_id, "name? ")
    kernel.client.get_stdin_msg(timeout=SECONDS)
    kernel.client.input("Ada")
    kernel.until("stream", msg_id, "hello Ada")
    assert kernel.wait(msg_id).error == ""


def test_nothing_of_the_host_is_there(kernel: Client) -> None:
    for path in ("/etc/passwd", "../../etc/passwd", "/proc/self/environ"):
        outcome = kernel.run(f'%%c\nFILE *f = fopen("{path}", "r"); printf("%p\\n", (void *)f);')
        assert outcome.stream() in ("(nil)\n", "0\n")
    outcome = kernel.run('%%c\n#include "/etc/passwd"\n')
    assert outcome.error == "BuildError"
    outcome = kernel.run('%%c\nextern char **environ; printf("%d\\n", environ && environ[0]);')
    assert outcome.stream() == "0\n"


def test_warnings_are_shown_and_the_cell_runs(kernel: Client) -> None:
    outcome = kernel.run('%%c -Wall\nint unused; puts("ran");')
    assert outcome.error == ""
    assert "unused" in outcome.stream("stderr")
    assert outcome.stream() == "ran\n"


def test_an_interrupt_ends_the_compiler(kernel: Client) -> None:
    slow = (
        "%%c\n#define A(x) x x x x x x x x x x\n"
        "#define B(x) A(A(A(A(A(A(A(A(x))))))))\n"
        "int main(void) { B(;) }\n"
    )
    msg_id = kernel.client.execute(slow)
    kernel.until("execute_input", msg_id)
    time.sleep(1)
    kernel.manager.interrupt_kernel()
    assert kernel.wait(msg_id).error == "Interrupted"
    assert kernel.run('%%c\nputs("next");').stream() == "next\n"
