# The Socratic runner: docker build -t socratic-runner . (docs/socratic.md says how it is run)
# The daemon that measures speed: docker build --target throughput -t throughput-runner . (docs/throughput.md)
FROM python:3.12-slim AS base

WORKDIR /app
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

# What changes seldom comes first: the layer of the requirements is built once.
COPY requirements.lock /app/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE run_and_evaluate.py /app/
COPY src/ /app/src/
COPY experiments/ /app/experiments/
COPY variants/ /app/variants/
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
    && mkdir -p local_backups

# Nobody in particular: whoever breaks out of the program is no root.
RUN useradd --system --create-home --uid 10001 runner \
    && chown 10001 local_backups
USER 10001

# Journals and backups: mount a volume here, and what was interrupted goes on where it was.
VOLUME ["/app/local_backups"]

FROM base AS throughput
# What reaches the providers that are not Bedrock is large: only this image has it.
USER 0
COPY requirements-providers.lock /app/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-providers.lock
USER 10001
ENTRYPOINT ["trialbed", "throughput"]
CMD ["--provider", "bedrock", "--daemon", "--interval", "30"]

# The last one is what is built when no target is named.
FROM base AS socratic
ENTRYPOINT ["trialbed", "socratic"]
