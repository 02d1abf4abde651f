# %%
import cmd
import contextlib
import html.parser
import inspect
import io
import logging
import queue
import sched
import sys
import time
import traceback
import warnings
import weakref
import xml.dom.minidom
import xml.etree.ElementTree as ET
from email.message import EmailMessage
from email.parser import Parser

message = EmailMessage()
message["Subject"], message["To"] = "Meeting", "ada@example.org"
message.set_content("At ten.\n")
print(message)
Parser().parsestr(message.as_string())["subject"]
# %%
library = ET.fromstring(
    "<library><book year='1999'><title>One</title></book><book><title>Two</title></book></library>"
)
for book in library.iter("book"):
    print(book.get("year", "?"), book.findtext("title"))
ET.SubElement(library, "book").text = "Three & <four>"
ET.indent(library)
ET.tostring(library, encoding="unicode")
# %%
ET.fromstring("<a><b></a>")
# %%
print(xml.dom.minidom.parseString("<a><b x='1'/>t</a>").documentElement.toprettyxml(indent="  "))
# %%
class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found.append(dict(attributes).get("href"))


links = Links()
links.feed('<p><a href="/x">x</a> &amp; <a>none</a><br>')
links.found
# %%
class Turtle(cmd.Cmd):
    prompt = "> "

    def do_forward(self, distance):
        """Go forward."""
        print("moved", int(distance))

    def do_quit(self, _):
        return True

    def default(self, line):
        print("what is", line)


turtle = Turtle(stdin=io.StringIO("forward 10\njump\nquit\n"))
turtle.use_rawinput = False
turtle.prompt = ""
turtle.cmdloop()
# %%
log = logging.getLogger("lesson")
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("%(levelname)-8s %(name)s: %(message)s"))
log.addHandler(handler)
log.propagate = False
log.setLevel(logging.INFO)
log.debug("not shown")
log.info("%d of %d", 1, 3)
try:
    {}["key"]
except KeyError:
    log.warning("no key", exc_info=False)
# %%
log.handlers.clear()
log.isEnabledFor(logging.DEBUG), logging.getLevelName(30), log
# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warnings.warn("old way", DeprecationWarning, stacklevel=1)
    int("3")
[(w.category.__name__, str(w.message)) for w in caught]
# %%
with warnings.catch_warnings():
    warnings.simplefilter("error")
    warnings.warn("now an error")
# %%
events = []
timer = sched.scheduler(time.monotonic, time.sleep)
now = time.monotonic()
timer.enterabs(now + 0.02, 1, events.append, ("second",))
timer.enterabs(now + 0.01, 1, events.append, ("first",))
timer.run()
events
# %%
jobs = queue.PriorityQueue()
for job in [(2, "b"), (1, "a")]:
    jobs.put(job)
[jobs.get(), jobs.get(), jobs.empty()]
# %%
jobs.get_nowait()
# %%
class Node:
    pass


node = Node()
known = weakref.WeakValueDictionary(one=node)
reference = weakref.ref(node)
was = reference() is node, dict(known) == {"one": node}
del node
was, reference(), len(known)
# %%
def outer():
    return inner()


def inner():
    return inspect.stack()[1].function, inspect.currentframe().f_code.co_name


outer(), str(inspect.signature(lambda a, /, b, *c, d=1, **e: None)), inspect.getdoc(len)
# %%
def risky(n):
    try:
        return 10 // n
    except ZeroDivisionError:
        print("caught")
        raise ValueError("not zero") from None
    finally:
        print("done", n)


risky(2)
# %%
risky(0)
# %%
try:
    risky(0)
except ValueError as error:
    error.add_note("try 1")
    lines = traceback.format_exception_only(error)
lines
# %%
@contextlib.contextmanager
def tag(name):
    print(f"<{name}>")
    try:
        yield name.upper()
    finally:
        print(f"</{name}>")


with tag("p") as upper, contextlib.suppress(KeyError):
    print(upper)
    {}["x"]
# %%
with contextlib.ExitStack() as stack:
    for name in "ab":
        stack.enter_context(tag(name))
    stack.callback(print, "first out")
# %%
try:
    raise ExceptionGroup("several", [ValueError(1), TypeError(2), OSError(3)])
except* ValueError as group:
    print("values", group.exceptions)
except* (TypeError, OSError) as group:
    print("others", len(group.exceptions))
# %%
def command(text):
    match text.split():
        case ["go", ("north" | "south") as direction]:
            return direction
        case ["take", *things] if things:
            return things
        case [word]:
            return f"{word}?"
        case _:
            return None


[command(text) for text in ("go north", "go up", "take sword shield", "take", "")]
