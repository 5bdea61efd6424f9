"""A gateway as it is often written first: FastAPI, httpx, uvicorn."""

import json
import time
import uuid
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response
from prometheus_client import Counter, Histogram, generate_latest

KEYS = {"{{.Key}}": "{{.Tenant}}"}
RATE, BURST = 1e6, 1e6
buckets = {}
requests = Counter("requests_total", "Requests.", ["path", "status"])
seconds = Histogram("request_seconds", "Latency.", ["path"])
access = open("{{.Dir}}/fastapi-access.log", "a", buffering=1)


@asynccontextmanager
async def lifespan(app):
    limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
    async with httpx.AsyncClient(base_url="http://127.0.0.1:{{.UpstreamPort}}", limits=limits) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


def admitted(tenant, now):
    tokens, last = buckets.get(tenant, (BURST, now))
    tokens = min(BURST, tokens + (now - last) * RATE)
    buckets[tenant] = (tokens - 1 if tokens >= 1 else tokens, now)
    return tokens >= 1


@app.get("/metrics")
async def metrics():
    return Response(generate_latest(), media_type="text/plain")


@app.post("/predict/{rest:path}")
async def predict(rest: str, request: Request):
    began = time.perf_counter()
    tenant = KEYS.get(request.headers.get("x-api-key"))
    if tenant is None:
        return Response('{"error":"forbidden"}', 403, media_type="application/json")
    if not admitted(tenant, began):
        return Response('{"error":"rate_limited"}', 429, media_type="application/json")
    request_id = request.headers.get("x-request-id") or uuid.uuid4().hex
    answer = await app.state.client.post(
        "/internal/predict/" + rest,
        content=await request.body(),
        headers={"Content-Type": "application/json", "X-Tenant-ID": tenant, "X-Request-ID": request_id},
    )
    took = time.perf_counter() - began
    requests.labels("/predict", str(answer.status_code)).inc()
    seconds.labels("/predict").observe(took)
    access.write(json.dumps({
        "time": time.time(), "request_id": request_id, "tenant": tenant, "method": "POST", "path": request.url.path,
        "status": answer.status_code, "seconds": took, "bytes": len(answer.content),
        "remote": request.client.host, "agent": request.headers.get("user-agent"),
    }) + "\n")
    return Response(answer.content, answer.status_code, media_type="application/json", headers={"X-Request-ID": request_id})
