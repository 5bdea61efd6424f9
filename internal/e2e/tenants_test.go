package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// secretOfA is in everything tenant A stores; no answer to B may hold it.
const secretOfA = "alpha-only"

// churnRows are rows on which a model can be trained.
func churnRows() string {
	var rows []string
	for i := range 60 {
		rows = append(rows, fmt.Sprintf(`{"user_id":"%s-%d","features":{"logins":%d,"%s":%d},"churned":%v}`,
			secretOfA, i, i%20, "alpha_only_feature", (i*7)%13, i%20 < 8))
	}
	return `{"rows":[` + strings.Join(rows, ",") + `]}`
}

// storings are all the ways in which tenants' data come to rest on a worker.
func storings() []struct{ path, body string } {
	var interactions []string
	for u := range 8 {
		for i := range 4 {
			interactions = append(interactions, fmt.Sprintf(`{"event_id":"%s-%d-%d","user_id":"%s-u%d","item_id":"%s-i%d","type":"purchase"}`,
				secretOfA, u, i, secretOfA, u, secretOfA, (u+i)%6))
		}
	}
	var items []string
	for i := range 6 {
		items = append(items, fmt.Sprintf(`{"item_id":"%s-i%d","title":"%s item number %d","category":"c%d"}`, secretOfA, i, secretOfA, i, i%2))
	}
	return []struct{ path, body string }{
		{"/recommend/items", `{"items":[` + strings.Join(items, ",") + `]}`},
		{"/recommend/interactions", `{"interactions":[` + strings.Join(interactions, ",") + `]}`},
		{"/recommend/train", `{}`},
		{"/vectors/upsert", `{"items":[{"id":"` + secretOfA + `","text":"the quick brown fox of ` + secretOfA + `","metadata":{"owner":"` + secretOfA + `"}}]}`},
		{"/agents/register", `{"agent_id":"` + secretOfA + `","role":"monitor","capabilities":["watch"]}`},
		{"/agents/observe", `{"observation":{"note":"` + secretOfA + `","latency_ms":[10,11,10,12,11,10,11,400]}}`},
		{"/agi/process", `{"problem":"forecast the revenue of ` + secretOfA + `","context":{"revenue":[10,12,11,14,15,14,17,18,17,20,21,20]},"reasoning_method":"react"}`},
		{"/predict/churn/train", churnRows()},
	}
}

// questions are all the ways in which stored data come back.
func questions() []struct{ method, path, body string } {
	return []struct{ method, path, body string }{
		{"POST", "/recommend/products", `{"user_id":"` + secretOfA + `-u1","limit":5}`},
		{"POST", "/recommend/similar", `{"item_id":"` + secretOfA + `-i1"}`},
		{"POST", "/vectors/query", `{"text":"quick brown fox","top_k":5}`},
		{"POST", "/faiss/query", `{"text":"quick brown fox","top_k":5}`},
		{"GET", "/agents/status", ""},
		{"GET", "/agi/reasoning/history", ""},
		{"GET", "/agi/execution/history", ""},
		{"POST", "/predict/churn", `{"user_id":"x","context":{"logins":1,"alpha_only_feature":3}}`},
		{"GET", "/models", ""},
	}
}

// comparable is an answer without what differs between two calls.
func comparable(t *testing.T, a answer) string {
	t.Helper()
	var m map[string]any
	a.into(t, &m)
	for _, name := range []string{"request_id", "recommendation_id"} {
		delete(m, name)
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// What a worker has acknowledged survives its kill -9 right after the answer,
// answers to the same questions alike, and is seen by no other tenant before
// or after.
func TestTenantDataSurvivesAndIsNobodyElses(t *testing.T) {
	t.Parallel()
	const a, b = enterpriseKey, proKey
	p := startPlatform(t, gatewaySetup{})
	for _, s := range storings() {
		p.want(200, "POST", s.path, a, s.body)
		p.worker.kill()
		p.restartWorker()
	}
	before := map[string]string{}
	for _, q := range questions() {
		got := p.want(200, q.method, q.path, a, q.body)
		before[q.path] = comparable(t, got)
		if !strings.Contains(strings.ReplaceAll(before[q.path], "_", "-"), secretOfA) && !strings.Contains(before[q.path], `"tenant v1"`) {
			t.Errorf("%s lost what was stored: %s", q.path, got)
		}
	}
	p.worker.kill()
	p.restartWorker()
	for _, q := range questions() {
		if got := comparable(t, p.want(200, q.method, q.path, a, q.body)); got != before[q.path] {
			t.Errorf("%s answers otherwise after kill -9:\n%s\n%s", q.path, before[q.path], got)
		}
	}
	for _, q := range questions() {
		got := p.call(q.method, q.path, b, q.body, "X-Tenant-ID", "demo-tenant-3")
		for name, body := range map[string]string{"body": string(got.body), "header": fmt.Sprint(got.header)} {
			// B's own question may come back to it, hence only what it did not say.
			for _, leak := range []string{secretOfA + "-i", "item number", "the quick brown fox of", `"` + secretOfA + `"`, "revenue of", "tenant v1", "demo-tenant-3"} {
				if strings.Contains(body, leak) && !strings.Contains(q.body, leak) {
					t.Errorf("%s: tenant B sees %q of A in the %s: %s", q.path, leak, name, got)
				}
			}
		}
	}
	// Deleting what is another's deletes nothing, and a body's tenant_id is no key.
	p.want(200, "POST", "/vectors/delete", b, `{"ids":["`+secretOfA+`"],"tenant_id":"demo-tenant-3"}`)
	p.want(200, "POST", "/recommend/items/delete", b, `{"item_ids":["`+secretOfA+`-i1"]}`)
	if got := p.want(200, "POST", "/vectors/query", a, `{"text":"quick brown fox"}`); !strings.Contains(string(got.body), secretOfA) {
		t.Errorf("B deleted what is A's: %s", got)
	}
	for _, name := range []string{"churn", "recommend"} {
		if got := p.call("POST", "/models/"+name+"/rollback", b, `{}`); got.status < 400 {
			t.Errorf("B rolls back a model of %s it does not have: %s", name, got)
		}
	}
}

// The gateway's own stores: jobs, usage and stored answers are the tenant's.
func TestGatewayStoresAreTheTenants(t *testing.T) {
	t.Parallel()
	const a, b = enterpriseKey, proKey
	w := startStub(t, nil)
	g := startGateway(t, gatewaySetup{worker: w.URL})
	g.workersReady()
	id := g.want(202, "POST", "/predict/revenue", a, `{}`, "Prefer", "respond-async").field(t, "job_id").(string)
	g.jobEnd(id, a)
	for _, c := range []struct{ method, path string }{{"GET", "/jobs/" + id}, {"DELETE", "/jobs/" + id}, {"GET", "/jobs/" + id + "/events"}} {
		if got := g.want(404, c.method, c.path, b, ""); got.code() != "unknown_job" {
			t.Error(got)
		}
	}
	if got := g.want(200, "GET", "/jobs", b, ""); strings.Contains(string(got.body), id) {
		t.Errorf("B sees A's jobs: %s", got)
	}
	for i, key := range []string{a, b} {
		got := g.want(200, "POST", "/anomaly/detect", key, fmt.Sprintf(`{"n":%d}`, i), "Idempotency-Key", "same")
		if got.header.Get("Idempotent-Replay") != "" {
			t.Errorf("tenant %d got another's stored answer", i)
		}
	}
	if n := g.usageOf(b, "/predict/revenue"); n != 0 {
		t.Errorf("B is charged for %d calls of A", n)
	}
	if got := g.want(200, "GET", "/usage?tenant=demo-tenant-3", b, ""); strings.Contains(string(got.body), "demo-tenant-3") {
		t.Errorf("B reads A's usage: %s", got)
	}
}
