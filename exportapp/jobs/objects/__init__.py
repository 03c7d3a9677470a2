"""Finished files in another storage of Django's, such as object storage.

places   which storages those are, and what each kind can do
plain    any storage: whole files, through Django's own interface
s3       S3 and what speaks like it: parts, signed URLs, ranges
s3errors what its client raises, in our words
sending  one file on its way: its bytes, a sign of life, the word to stop
upload   the piece of work: every file of an export to its place, then its end
fetch    files back on this machine, for whoever reads them here
removal  objects and unfinished uploads that nobody needs, or nobody names
"""

from __future__ import annotations
