# One image for every service of docker-compose.yml; which one it is, the command says.
FROM python:3.11-slim-bookworm

# The last two: without them a long run spends most of its time on one event per partition and asset.
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    COSTPULSE_DATA_DIR=/var/lib/costpulse \
    COSTPULSE_REPORTS_DIR=/var/lib/costpulse-reports \
    DAGSTER_HOME=/var/lib/costpulse/dagster \
    DAGSTER_EVENT_BATCH_SIZE=1000 \
    DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS=true

RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/costpulse costpulse \
    && install -d -o costpulse -g costpulse /var/lib/costpulse /var/lib/costpulse/dagster /var/lib/costpulse-reports

WORKDIR /opt/costpulse

# Dependencies first: they change less often than the code.
COPY pyproject.toml requirements.lock ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
    > requirements.txt \
    && pip install --constraint requirements.lock --requirement requirements.txt

COPY README.md dagster.yaml workspace.yaml ./
COPY costpulse_assets costpulse_assets
COPY costpulse_app costpulse_app
COPY sql sql
# The packages are imported from site-packages, as everywhere; the folder keeps workspace.yaml only.
RUN pip install --no-deps . \
    && install -o costpulse -g costpulse -m 644 dagster.yaml /var/lib/costpulse/dagster/ \
    && rm -r costpulse_assets costpulse_app sql

USER costpulse
