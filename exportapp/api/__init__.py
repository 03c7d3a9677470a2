"""The REST face: exports for machines, by Django REST Framework.

urls         `include("exportapp.api.urls")`
views        the endpoints; each calls jobs.lifecycle or jobs.delivery and adds nothing
parameters   those of registered exports, as DRF fields for the schema
presets      the endpoints of presets
streaming    a file that is sent while it is made
live         what happens to an export, as it happens
requests     what may be sent
queries      the same in a query string
serializers  what is answered
problems     every error as RFC 9457 problem details
"""
