"""A stand-in for Amazon Bedrock runtime on 127.0.0.1, for rehearsals offline and for fault tests.

`server.RehearsalServer` speaks Converse and ConverseStream to the real client. What it answers comes from
personas (`personas.Persona`), what goes wrong from its configuration (`config.RehearsalConfig`). Nothing
is imported here, so that a persona in an experiment does not load a web server.
"""
