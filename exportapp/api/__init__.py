"""The REST face: exports for machines, by Django REST Framework.

urls         `include("exportapp.api.urls")`
views        the endpoints; each calls jobs.lifecycle or jobs.delivery and adds nothing
sources      discovery: what may be exported, and what can be said about it
presets      the endpoints of presets
unknown      every other address below ours
base         what they share
parameters   those of registered exports, as DRF fields for the schema and as JSON Schema
requests     what may be sent (options)
bodies       JSON that is bounded
pages        lists in pages that hold still
polling      ETag and Retry-After of an export
throttles    how often one person may ask
streaming    a file that is sent while it is made
live         what happens to an export, as it happens
queries      the same in a query string
serializers  what is answered
problems     every error as RFC 9457 problem details
"""
