# %%
import re

pattern = re.compile(r"(?P<user>[\w.]+)@(?P<host>[\w.]+)\.(?P<top>\w{2,})")
match = pattern.search("write to ada.l@example.org today")
match, match.groupdict()
# %%
re.findall(r"\b\w{5}\b", "these words count seven letter")
# %%
re.sub(r"(\d+)", lambda m: str(int(m[1]) * 2), "3 apples and 10 pears")
# %%
re.split(r"[,;]\s*", "a, b;c,  d")
# %%
try:
    re.compile("(unclosed")
except re.error as error:
    print(error, error.pos)
# %%
import textwrap

story = "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do."
print(textwrap.fill(story, 40))
print(textwrap.indent(textwrap.dedent("""
    two
      lines
"""), "> "))
textwrap.shorten(story, 30, placeholder="...")
# %%
import html

html.escape("<a href='x'>1 & 2</a>"), html.unescape("&lt;&eacute;&#x41;&gt;")
# %%
from html.parser import HTMLParser


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name == "href"]


parser = Links()
parser.feed('<p><a href="/one">1</a> <a class=x href="/two">2</a>')
parser.found
# %%
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

url = urlsplit("https://user@example.org:8080/a/b?q=1&q=2&r=%20x#frag")
url, url.hostname, url.port, parse_qs(url.query)
# %%
quote("a b/c?d"), urlencode({"q": "ü", "n": [1, 2]}, doseq=True), urljoin("http://x.y/a/b", "../c")
# %%
import string

template = string.Template("$who likes $what")
print(template.substitute(who="Tim", what="Kung Pao"))
f"{3.14159:8.3f}|{'mid':^9}|{1234567:,}|{255:#x}|{0.25:.0%}|{'a'!r:>5}"
# %%
import difflib

print("\n".join(difflib.unified_diff(["a", "b"], ["a", "c"], lineterm="")))
# %%
"naïve café".encode("utf-8"), "ß".upper(), "ǆ".title(), "abc".translate(str.maketrans("ab", "xy"))
# %%
b"\xff".decode("utf-8")
