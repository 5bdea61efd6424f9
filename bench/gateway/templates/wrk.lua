wrk.method = "POST"
wrk.body = '{{.Body}}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = "{{.Key}}"
