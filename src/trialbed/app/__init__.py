"""The one place that builds clients, models, sinks and runs; everyone else receives what they need."""
