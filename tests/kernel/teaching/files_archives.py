# %%
import csv
import gzip
import io
import json
import os
import pathlib
import pickle
import shutil
import sqlite3
import tarfile
import tempfile
import zipfile

folder = pathlib.Path("lesson")
folder.mkdir(exist_ok=True)
for name in ("one", "two", "three"):
    (folder / f"{name}.txt").write_text(f"file {name}\n" * 3)
sorted(path.name for path in folder.iterdir())
# %%
with zipfile.ZipFile("lesson.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for path in sorted(folder.glob("*.txt")):
        archive.write(path)
with zipfile.ZipFile("lesson.zip") as archive:
    print(archive.namelist(), archive.testzip())
    print(archive.read("lesson/two.txt").decode().splitlines())
zipfile.is_zipfile("lesson.zip"), [(i.filename, i.file_size) for i in zipfile.ZipFile("lesson.zip").infolist()]
# %%
with tarfile.open("lesson.tar.gz", "w:gz") as archive:
    archive.add(folder)
with tarfile.open("lesson.tar.gz") as archive:
    names = sorted(archive.getnames())
    archive.extractall("copy", filter="data")
names, pathlib.Path("copy/lesson/one.txt").read_text() == (folder / "one.txt").read_text()
# %%
with gzip.open("words.gz", "wt") as file:
    file.write("alpha\nbeta\n")
gzip.open("words.gz", "rt").readlines()
# %%
with open("people.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, ["name", "born"])
    writer.writeheader()
    writer.writerows([{"name": "Ada, Countess", "born": 1815}, {"name": 'Grace "G" Hopper', "born": 1906}])
print(open("people.csv").read())
with open("people.csv") as file:
    rows = list(csv.DictReader(file))
rows
# %%
with sqlite3.connect("people.db") as database:
    database.execute("create table if not exists people (name text, born integer)")
    database.executemany("insert into people values (:name, :born)", rows)
    found = database.execute("select name, 2000 - born from people order by born desc").fetchall()
found
# %%
data = {"numbers": list(range(30)), "nested": {"a": None, "b": [True, 1.5]}}
pathlib.Path("data.json").write_text(json.dumps(data, indent=2))
json.loads(pathlib.Path("data.json").read_text()) == data, data
# %%
pickle.loads(pickle.dumps({"set": {1, 2}, "tuple": (1, (2,)), "bytes": b"\x00"}))
# %%
for directory, folders, files in sorted(os.walk("copy")):
    print(directory, sorted(folders), sorted(files))
# %%
path = folder / "one.txt"
path.stem, path.suffix, path.parent.name, path.exists(), path.with_suffix(".md").name, path.stat().st_size
# %%
with tempfile.TemporaryDirectory() as temporary:
    inner = pathlib.Path(temporary, "a", "b")
    inner.mkdir(parents=True)
    (inner / "x.bin").write_bytes(bytes(range(10)))
    print([p.relative_to(temporary).as_posix() for p in sorted(pathlib.Path(temporary).rglob("*"))])
os.path.exists(temporary)
# %%
with open("log.txt", "w") as file:
    for level in ("info", "error", "info"):
        print(level, "message", file=file)
with open("log.txt") as file:
    lines = [line.strip() for line in file if "error" in line]
with open("log.txt", "a+") as file:
    file.write("more\n")
    file.seek(0)
    count = len(file.readlines())
lines, count
# %%
with open("log.txt", "a+b") as file, pathlib.Path("new.txt").open("a+") as new:
    print(file.tell(), file.mode, new.mode, new.tell(), new.read())
    file.seek(2)
    print(file.read(5), file.write(b"end\n"), new.write("x\ny\n"), new.tell())
    file.seek(-8, os.SEEK_END)
    new.seek(0)
    print(file.read(), list(new))
open("log.txt", "ab+", 0).readall(), open("log.txt", "a+").read(), open("new.txt", "r+").read()
# %%
open("log.txt", "aw+")
# %%
open("log.txt", "ab+", encoding="utf-8")
# %%
open("log.txt", "a+", 0)
# %%
buffer = io.BytesIO()
buffer.write(b"hello")
buffer.seek(1)
buffer.read(3), buffer.getvalue(), io.StringIO("a\nb").readlines()
# %%
shutil.copy("log.txt", "copy/log.txt"), shutil.rmtree("copy"), os.path.exists("copy")
# %%
# another version or system says it with other words
open("no such file.txt")
# %%
(folder / "one.txt").unlink()
sorted(os.listdir("lesson"))
