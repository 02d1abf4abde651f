# %%
import difflib
import html
import html.parser
import re
import string
import textwrap
import urllib.parse

name, price, n = "espresso", 2.5, 1234567
print(f"{name!r:>12}|{name:^12}|{price:08.3f}|{n:,}|{n:_}|{n:e}|{n:#x}|{0.256:.1%}|{n=}")
# %%
["%5.2f|%-8s|%03d" % (3.14159, "left", 7), "{:>8}|{:*^9}|{:+d}".format("r", "mid", 5), "{0[a]} {1.imag}".format({"a": 1}, 2j)]
# %%
string.Template("$who likes ${what}").substitute(who="tim", what="kung pao"), f"{{literal}} {'nested ' + 'quotes'}"
# %%
text = """The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs.
How vexingly quick daft zebras jump! Sphinx of black quartz, judge my vow."""
print(textwrap.fill(text, width=40, initial_indent="  * ", subsequent_indent="    "))
# %%
textwrap.wrap(text, 30)
# %%
print(textwrap.indent(textwrap.dedent("    a\n      b\n    c"), "> "))
textwrap.shorten(text, 30, placeholder=" …")
# %%
html.escape('<a href="x">&</a>'), html.unescape("&lt;p&gt; caf&eacute; &#8364;")


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found.append(dict(attrs).get("href"))


parser = Links()
parser.feed('<p><a href="/one">1</a> and <A HREF="two.html">2</A></p>')
parser.found
# %%
parts = urllib.parse.urlsplit("https://user@example.org:8080/path/page.html?q=a+b&lang=de#top")
parts.hostname, parts.port, urllib.parse.parse_qs(parts.query), urllib.parse.urljoin("http://a/b/c", "../d")
# %%
parts
# %%
urllib.parse.urlencode({"q": "größe & co", "n": 3}), urllib.parse.unquote("%C3%BCber")
# %%
words = re.findall(r"[a-z']+", text.lower())
sorted(set(words), key=lambda word: (-words.count(word), word))[:8], len(words)
# %%
re.sub(r"(\w+) (\w+)", r"\2 \1", "hello world"), re.split(r"[,;]\s*", "a, b;c"), re.fullmatch(r"\d{3}-\d{4}", "555-1234")
# %%
pattern = re.compile(
    r"""
    (?P<year>\d{4}) - (?P<month>\d\d) - (?P<day>\d\d)   # a date
    """,
    re.VERBOSE,
)
pattern.search("due 2024-02-29!").groupdict()
# %%
print("\n".join(difflib.unified_diff(["a", "b", "c"], ["a", "x", "c"], lineterm="", n=1)))
difflib.get_close_matches("appel", ["ape", "apple", "peach"])
# %%
caesar = str.maketrans(string.ascii_lowercase, string.ascii_lowercase[3:] + string.ascii_lowercase[:3])
"attack at dawn".translate(caesar), "Straße".casefold(), "ǆ".title(), "a\tb".expandtabs(4)
# %%
"naïve café".encode("utf-8"), "naïve".encode("ascii", "replace"), b"\xff".decode("latin-1"), "日本".encode("utf-16-le")
# %%
b"\xff".decode("utf-8")
# %%
for row in [("apple", 1.2, 10), ("kiwi", 0.35, 200)]:
    print("{:<10}{:>8.2f}{:>6d}".format(*row))
# %%
"one two three".partition(" "), "a-b_c".replace("-", "_").split("_"), "  x ".strip(), "abc"[::-1], "x" in "text"
# %%
"ab".join(["1", 2])
# %%
{letter: text.count(letter) for letter in string.ascii_lowercase}
