"""A test-only app: models and ModelAdmins of many kinds, without migrations."""
