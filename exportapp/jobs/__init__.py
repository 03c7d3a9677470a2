"""What happens to an export, from the click to the file.

lifecycle    the one doorway for people: create, pause, resume, cancel, start over, discard
before       whether the same was asked before
stream       rows as a file while they are read: no job, nothing kept
growing, feed
             the workbook of a stream, and the rows of one of its sheets
stop         the end of a stream from another thread
pump         what is made while it is sent, as a body under WSGI and ASGI
rights       who may export, see, manage and download
room         how many exports one person may have under way
recall       what a job asked for, rebuilt from code as that person
tasks        what RQ calls: two-line shims that take ids
wakeups      how workers are told that there is work, and make way for others
traffic      how busy the workers of the queue are
work         claim a piece, do it, commit it; until there is nothing to claim
leases       claims, renewals and hand-backs, guarded by the fence
heartbeat    the sign of life at each batch, and the word to stop
pulse        a sign of life beside a statement that takes longer than a lease
plan, extract, layout, render, merge
             the pieces of the work
formats      what kinds of file they can become
sharing      which texts are shared strings, and their numbers
holding      one moment of the database for all who extract, and who holds it
startover    what is dropped when that is gone
transitions  every change of a job's state, with its event and its anchor
announce     what everybody is told of such a change: notices with it, signals after it
notices      being told of the end: messages, mails, webhooks, channels of the project's own
errors       what an error means: try again, or ask a person
errortable   the table of errors, in the words of verdicts
redaction    what errors say, without secrets
breaker      leaves a database or storage alone after a storm of failures
throttle     when the user's tables are to be left alone, by the project's word
waiting      exports that wait on purpose, say why and go on by themselves
attempts     what becomes of a piece whose work did not end well
phases       from one phase to the next, once all of its pieces are done
upkeep       one turn of the next two, one at a time over all hosts
reconcile    frees lost leases, wakes exports that nobody works on
retention    removes files when their time is over, and those that nothing names
exclusive    the lock of that turn
book         the workbook as all shards and the merge see it
progress     the anchors in Redis, rebuilt from the database when they are lost
away         what Redis says when it is not there
tally        what a shard turns out to hold while it is read
preview      the first rows as the sheet will show them
words        an export and its issues in the words of its person
presets      what people ask for again and again, under a name
live         what happens to an export, as server-sent events
following    who waits for them, with a thread or without; commits is where they hear of news
places       how many may
status       what a person is told about an export
durations    how long it will take, in words
shardmap     its shards, in a map of bounded size
pace         how fast it went from moment to moment
operations   how the whole of it does: roster (workers and queue), disk, breakers, alarms
manifest     what was made of what, written with the end of the job
verify       the finished file read back and held against the rows that were read
slices       a workbook read back by a foreign reader, a few megabytes at a time
canonical    one text for each cell, equal where two readings of it are
recheck      a finished export looked at once more, long after
ending       what follows the last shard: another storage, or the good end
objects      finished files in another storage: parts, signed URLs, removal
delivery     finished files on their way to a person
whereabouts  where a finished file is, and that it is there
links        links to it that need no session
early        a shard that is written, before the whole is ready
archive      several of them as one zip that nobody writes
content      bytes of which any range can be read
transfer     what is delivered as a response: ranges, validators, who sends it
options      how the file is to be: format, strings, delimiter
consistency  whether rows can be of one moment
filenames    what a person may call the file, and names that are safe wherever they go
versions     the version in what is kept as JSON
lookup       which template shows something of a model
journal      events and log lines
snapshot     what an engineer needs of a failure
files        spool and result files: written, fsynced, renamed, then committed
worker       the RQ worker class
horse        the process that RQ forks: it hears signals, and follows its parent
"""
