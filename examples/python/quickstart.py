#!/usr/bin/env python3
"""Omni from Python, standard library only.

Needs a running gateway (omni up); OMNI_URL and OMNI_API_KEY say which.
"""
import json
import os
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("OMNI_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("OMNI_API_KEY", "demo-pro-key-67890")


class OmniError(Exception):
    """An answer that is not a success: status, code, message, request id."""

    def __init__(self, status, body):
        self.status, self.code = status, body.get("error")
        self.request_id, self.details = body.get("request_id"), body.get("details", [])
        super().__init__(f"{self.code}: {body.get('message')}")


# Nobody knows whether calls that were answered so took effect.
UNSURE = ("interrupted", "storage_unavailable")


def call(method, path, body=None, **headers):
    """Send one call. 429 and 503 are tried again after Retry-After, if that is
    soon: they were refused before any work was done."""
    data = None if body is None else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers |= {"X-API-Key": KEY, "Content-Type": "application/json"}
    for attempt in range(5):
        request = urllib.request.Request(URL + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            error = OmniError(refused.code, json.load(refused))
            pause = int(refused.headers.get("Retry-After", 0))
            if refused.code in (429, 503) and 0 < pause <= 60 and error.code not in UNSURE and attempt < 4:
                time.sleep(pause)
                continue
            raise error from None


# A forecast of five steps, with intervals.
answer = call("POST", "/predict/revenue-lstm", {
    "time_series": [100, 120, 115, 130, 125, 140, 135, 150, 145, 160, 155, 170, 165, 180, 175, 190],
    "forecast_steps": 5, "sequence_length": 10, "level": [80, 95],
})
print(answer["model"], [round(v, 1) for v in answer["forecast"]])
print("95 % interval of the first step:", round(answer["intervals"]["lo-95"][0], 1), "to", round(answer["intervals"]["hi-95"][0], 1))

# A refusal says what to change, and where.
try:
    call("POST", "/predict/revenue-lstm", {"time_series": [1, 2], "sequence_length": 50})
except OmniError as e:
    print(e.status, e)

# Safe to send again: the same key and body get the stored answer.
mood = call("POST", "/sentiment/analyze", {"text": "I love it"}, Idempotency_Key=str(uuid.uuid4()))
print(mood["sentiment"], round(mood["score"], 2))

# Slow work as a job.
job = call("POST", "/predict/revenue-lstm", {"time_series": list(range(40))}, Prefer="respond-async")
while (state := call("GET", "/jobs/" + job["job_id"]))["status"] in ("pending", "running"):
    time.sleep(0.2)
print("job", state["status"], len(state["result"]["forecast"]), "steps")
