// Package sample holds the invented data that omni up loads for the demo
// tenants and omni demo computes with.
package sample

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"

	"github.com/omni-run/omni/api"
)

//go:generate go run ./generate

//go:embed data
var files embed.FS

// Sales is a CSV file of four years of monthly revenue.
func Sales() io.Reader { return bytes.NewReader(read("sales.csv")) }

// Metrics is a CSV file of a week of hourly response times.
func Metrics() io.Reader { return bytes.NewReader(read("metrics.csv")) }

// read panics on a missing file: the files are compiled in.
func read(name string) []byte {
	raw, err := files.ReadFile("data/" + name)
	if err != nil {
		panic(fmt.Sprintf("sample: %v", err))
	}
	return raw
}

func list[T any](name string) []T {
	var out []T
	if err := json.Unmarshal(read(name), &out); err != nil {
		panic(fmt.Sprintf("sample: %s: %v", name, err))
	}
	return out
}

// Items is the catalogue of a small shop.
func Items() []api.RecommendItem { return list[api.RecommendItem]("items.json") }

// Interactions is what its customers did.
func Interactions() []api.RecommendInteraction {
	return list[api.RecommendInteraction]("interactions.json")
}

// Questions are help texts to be found by their meaning.
func Questions() []api.VectorItem {
	var out []api.VectorItem
	for i, text := range []string{
		"How do I reset my password?",
		"Where can I find my invoices and billing information?",
		"How can I upgrade my subscription plan?",
		"My parcel has not arrived yet. How do I track it?",
		"Can I send an item back and get a refund?",
		"Which payment methods do you accept?",
		"How do I change my delivery address?",
		"Do you ship to other countries?",
		"How do I delete my account and my data?",
		"The app crashes when I open my order history.",
	} {
		out = append(out, api.VectorItem{ID: fmt.Sprintf("faq-%d", i+1), Text: text, Metadata: json.RawMessage(`{"source":"sample"}`)})
	}
	return out
}

// Agents has one agent of each role.
func Agents() []api.AgentRegisterRequest {
	return []api.AgentRegisterRequest{
		{AgentID: "sample-monitor", Role: "monitor", Capabilities: []string{"watch metrics"}},
		{AgentID: "sample-healer", Role: "healer", Capabilities: []string{"diagnose errors"}},
		{AgentID: "sample-optimizer", Role: "optimizer", Capabilities: []string{"find bottlenecks"}},
		{AgentID: "sample-learner", Role: "learner", Capabilities: []string{"keep baselines"}},
		{AgentID: "sample-builder", Role: "builder", Capabilities: []string{"draft pipelines"}},
	}
}
