"""The command line face: `export_excel` and `export_reconcile`.

request  arguments to what the job layer takes
running  do the work here, or watch the workers do it, with a progress bar
output   the file where the person wants it: checked at the door, whole or not at all
showing  jobs as lines or as JSON
"""
