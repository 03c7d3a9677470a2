"""Excel exports side by side: `make bench` prints the table, docs/performance.md explains it.

__main__        the command line
arena           the servers, the rows and the workers that every contender finds alike
contenders      who takes part; `contender` runs one of them in a process of its own
peers, ours     how each of them writes the file
rotation        contenders in turn; meter: their seconds, processors and memory; verify: their rows
scale           our own workers on growing tables
skew            shards by rows and by bytes, on rows of very different length
steps           when each shard was taken up and done
metadata        what a shard's facts and spans cost in other formats
modes           the modes of a workbook: what they cost to write and to read
load            polls and downloads while workers export: polling and downloading are the clients
streaming       what a stream costs a web server; site: the project behind one
report, plot    Markdown, and a picture of it
alone           what other packages brought along, hidden from those that do not need it
seeding, models, admin, settings   the Django project with the rows
"""

from __future__ import annotations
