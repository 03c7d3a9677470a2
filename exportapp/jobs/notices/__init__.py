"""Being told how an export ended: rows in the transaction of that end, delivered until they are.

Each is delivered at least once, and never lost: whoever dies between sending and saying so leaves
it to be sent again, under the same id.

booking    who is to be told what, and by what: the names a person may choose, the rows
channels   from a name to what sends: built in, a webhook, the project's own
sending    claim one that is due, send it, say so; again until none is due
messages   those that wait for their person on the next page of the admin
mail       e-mails, by templates of the project or ours
webhook    a signed POST, and what its answer means
signing    the signature of a webhook
addresses  which hosts a webhook may call
links      where the page of an export is
words      what a notice says in one sentence
"""
