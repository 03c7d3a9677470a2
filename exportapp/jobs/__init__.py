"""What happens to an export, from the click to the file.

lifecycle    the one doorway for people: create, pause, resume, cancel
rights       who may export, see, manage and download
recall       what a job asked for, rebuilt from code as that person
tasks        what RQ calls: two-line shims that take ids
wakeups      how workers are told that there is work
work         claim a piece, do it, commit it; until there is nothing to claim
leases       claims, renewals and hand-backs, guarded by the fence
heartbeat    the sign of life at each batch, and the word to stop
plan, extract, layout, render, merge
             the pieces of the work
transitions  every change of a job's state, with its event and its anchor
errors       what an error means: try again, or ask a person
attempts     what becomes of a piece whose work did not end well
phases       from one phase to the next, once all of its pieces are done
reconcile    frees lost leases, wakes exports that nobody works on
retention    removes files when their time is over
book         the workbook as all shards and the merge see it
progress     the anchors in Redis, rebuilt from the database when they are lost
status       what a person is told about an export
delivery     a finished file on its way to a person
journal      events and log lines
files        spool and result files: written, fsynced, renamed, then committed
worker       the RQ worker class
"""
