"""The REST face: exports for machines, by Django REST Framework.

urls         `include("exportapp.api.urls")`
views        the endpoints; each calls jobs.lifecycle or jobs.delivery and adds nothing
parameters   those of registered exports, as DRF fields for the schema
presets      the endpoints of presets
requests     what may be sent
bodies       JSON that is bounded
serializers  what is answered
problems     every error as RFC 9457 problem details
"""
