# An image with bertbench and everything it needs:
#   docker build --tag bertbench .
#   docker run --rm bertbench bertbench doctor
FROM python:3.11-slim AS build
COPY . /source
RUN python -m pip wheel --no-deps --wheel-dir /wheels /source

FROM python:3.11-slim
COPY --from=build /wheels /wheels
COPY ci-constraints.txt /wheels/
RUN python -m pip install --no-cache-dir --constraint /wheels/ci-constraints.txt /wheels/*.whl && rm -r /wheels
CMD ["bertbench", "--help"]
