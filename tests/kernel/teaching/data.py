# %%
import json

data = {"name": "Ada", "born": 1815, "tags": ["math", None, True], "pi": 3.14}
print(json.dumps(data, indent=2, sort_keys=True))
json.loads(json.dumps(data)) == data
# %%
json.loads('{"a": [1, 2')
# %%
import csv
import io

rows = [{"city": "Köln", "people": 1_073_000}, {"city": 'says "hi", yes', "people": 2}]
out = io.StringIO()
writer = csv.DictWriter(out, fieldnames=["city", "people"], lineterminator="\n")
writer.writeheader()
writer.writerows(rows)
print(out.getvalue())
[row["city"] for row in csv.DictReader(io.StringIO(out.getvalue()))]
# %%
with open("people.csv", "w", newline="") as file:
    csv.writer(file).writerows([["name", "age"], ["Ada", 36], ["Alan", 41]])
with open("people.csv", newline="") as file:
    people = list(csv.reader(file))
people
# %%
import sqlite3

db = sqlite3.connect("people.db")
with db:
    db.execute("create table people (name text primary key, age integer)")
    db.executemany("insert into people values (?, ?)", people[1:])
db.execute("select name, age + 1 from people order by age desc").fetchall()
# %%
db.row_factory = sqlite3.Row
row = db.execute("select count(*) as n, avg(age) as mean from people").fetchone()
dict(row)
# %%
try:
    with db:
        db.execute("insert into people values ('Grace', 85)")
        db.execute("insert into people values ('Ada', 1)")
except sqlite3.IntegrityError as error:
    print(error)
db.execute("select count(*) from people").fetchone()[0]
# %%
db.execute("select nothing from nowhere")
# %%
db.close()
import pickle
import zipfile

with zipfile.ZipFile("archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.write("people.csv")
    archive.writestr("notes/readme.txt", "hello " * 100)
with zipfile.ZipFile("archive.zip") as archive:
    print(archive.namelist(), archive.testzip())
    print(len(archive.read("notes/readme.txt")), archive.getinfo("notes/readme.txt").compress_size)
# %%
import tarfile

with tarfile.open("archive.tar.gz", "w:gz") as archive:
    archive.add("people.csv", "data/people.csv")
with tarfile.open("archive.tar.gz") as archive:
    print(archive.getnames())
    print(archive.extractfile("data/people.csv").read().decode().splitlines())
# %%
import configparser

config = configparser.ConfigParser()
config.read_string("[server]\nport = 80\ndebug = yes\n")
config["server"].getint("port"), config.getboolean("server", "debug")
# %%
import tomllib

tomllib.loads("a = 1\n[b]\nc = [1.5, true]\n")
# %%
import xml.etree.ElementTree as ET

root = ET.fromstring("<books><book year='1843'>Notes</book><book year='1936'>On</book></books>")
[(book.get("year"), book.text) for book in root.iter("book")]
# %%
import struct

struct.pack(">IhB", 1, -2, 3), struct.unpack("<d", struct.pack("<d", 0.1))
# %%
from pathlib import Path

sorted(path.name for path in Path(".").iterdir() if path.suffix in (".csv", ".zip")), Path("a/b.txt").stem
# %%
import base64
import hashlib
import zlib

hashlib.sha256(b"abc").hexdigest()[:16], base64.b64encode(b"hi there"), zlib.crc32(b"abc")
# %%
# another version or system says it with other words
open("not/there.txt")
