"""How does a run become a trace that others can look at? OpenTelemetry's GenAI conventions, sent by OTLP.

What happens on the event loop is small and cannot wait: `spans` notes, `shipping` queues. Everything else (importing
OpenTelemetry, encoding, sending) is done in a thread.
"""
