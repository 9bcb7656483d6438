"""What does an answer say? One file per protocol, each with the same three functions; pure.

`text_of(event)` is the visible text that an event of a stream brings, `assembled(events)` the body that would have come
without a stream, `read(body)` what a body says. `choose` finds the file by the request.
"""
