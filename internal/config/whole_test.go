package config_test

import (
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/config"
)

func TestFractionsOfWholeNumbersAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"hold: {credit: 0.5}":                                                            "line 1: hold.credit = 0.5, must be a whole number",
		"hold:\n  max_wait: 1s\n  max_requests: 10.5\n":                                  "line 3: hold.max_requests = 10.5,",
		"hold: {max_bytes: -.5}":                                                         "hold.max_bytes = -.5,",
		"limits:\n  json_depth: '3.5'\n":                                                 "line 2: limits.json_depth = 3.5,",
		"tiers:\n  pro:\n    monthly_units: 1.5e0\n":                                     "line 3: tiers.pro.monthly_units = 1.5e0,",
		"tiers: {own: {requests_per_minute: 5, weight: 1.25}}":                           "tiers.own.weight = 1.25,",
		"routes:\n- {method: POST, path: /x, service: a}\n- units: 0.1\n  path: /y\n":    "line 3: routes[1].units = 0.1,",
		"workers: [{name: a, url: 'http://x', wake: {kubernetes: {replicas: 2.5}}}]":     "workers[0].wake.kubernetes.replicas = 2.5,",
		"hold: {credit: -.inf}":                                                          "hold.credit = -.inf,",
		"tiers:\n  pro: &base {burst: 30.5}\n  own:\n    <<: *base\n    concurrent: 5\n": "line 2: tiers.own.burst = 30.5,",
		"limits: {json_depth: &n 8.5}\nhold: {credit: *n}\n":                             "line 1: hold.credit = 8.5,",
	} {
		_, err := config.Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	_, err := config.Parse([]byte("hold: {credit: 0.5, max_bytes: 2.5}"))
	if err == nil || !strings.Contains(err.Error(), "credit") || !strings.Contains(err.Error(), "max_bytes") {
		t.Errorf("two faults: %v", err)
	}
}

func TestNumbersThatAreWholeAreTaken(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte("hold: {credit: 2.0, max_bytes: 1e6, max_requests: 1_000}\nbalance: {retry_share: 0.25}\nlimits: {lame_duck: 1.5s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if *c.Hold.Credit != 2 || c.Hold.MaxBytes != 1_000_000 || c.Hold.MaxRequests != 1000 || c.Balance.RetryShare != 0.25 {
		t.Errorf("%+v, %+v", c.Hold, c.Balance)
	}
}
