"""Rows as columns: what somebody asked for, as a queryset, as Arrow batches.

selection, sources   the request as data; the ModelAdmin's rows as a person sees them (changelist),
                     and what that person may name (readable)
filters, fitting     what a person may narrow a list by, and values that fit
offers               all that a person may ask of a source; ticked: its keys as texts
exports, registered  an `Export` class of the developer's, behind the same doors as a list
sheets               what a sheet of an export is; one or several of a registered export's
params               its parameters: form fields, and JSON
offered              which columns a person may name of a list
columns, resolve     what a column is; from a name, an expression or a function to one (fields,
                     kinds, paths)
titles               what a column is called, by itself or by a person
look                 what a developer says about the looks of a workbook
bounds               how large a request may be
wording, inshort     what was asked for in words; the same without a query
counting             how many rows that are
keyset               ranges of rows over the order and the key (ordering, keys)
snapshots            one moment of a PostgreSQL database, held by one process and seen by many
readers              batches out of the database (fetch, related, calls) as arrays (arrays,
                     convert, text), with an issue for every value that has no place
"""
