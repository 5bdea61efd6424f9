#!/bin/sh
# A forecast, a refusal, a safe repetition and a job, with curl alone.
# Needs a running gateway (omni up); OMNI_URL and OMNI_API_KEY say which.
set -eu
URL=${OMNI_URL:-http://127.0.0.1:8080}
KEY=${OMNI_API_KEY:-demo-pro-key-67890}

# post PATH BODY [MORE CURL OPTIONS]
post() {
  path=$1 body=$2
  shift 2
  curl -sS "$URL$path" -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d "$body" "$@"
}

# A forecast of five steps.
post /predict/revenue-lstm '{
  "time_series": [100,120,115,130,125,140,135,150,145,160,155,170,165,180,175,190],
  "forecast_steps": 5, "sequence_length": 10, "level": [80, 95]
}'
echo

# Too few points: HTTP 422, and a message that says what to change.
post /predict/revenue-lstm '{"time_series":[1,2],"forecast_steps":5,"sequence_length":50}' -w '\nHTTP %{http_code}\n'

# The same Idempotency-Key and body: the second call gets the stored answer.
once="quickstart-$(date +%s)-$$"
post /sentiment/analyze '{"text":"I love it"}' -H "Idempotency-Key: $once" -o /dev/null
post /sentiment/analyze '{"text":"I love it"}' -H "Idempotency-Key: $once" -o /dev/null -D - | grep -i '^idempotent-replay'

# Slow work as a job: 202 and a place to look.
job=$(post /predict/revenue-lstm '{"time_series":[1,3,2,4,3,5,4,6,5,7,6,8,7,9,8,10]}' -H 'Prefer: respond-async' |
  sed 's/.*"job_id":"\([^"]*\)".*/\1/')
while :; do
  state=$(curl -sS "$URL/jobs/$job" -H "X-API-Key: $KEY")
  case $state in
  *'"status":"succeeded"'*) break ;;
  *'"status":"failed"'* | *'"status":"cancelled"'* | *'"status":"error"'*) echo "$state" >&2; exit 1 ;;
  esac
  sleep 0.2
done
echo "job $job succeeded"
