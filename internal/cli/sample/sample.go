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

// Guides are the shop's care instructions, to be found by their meaning.
func Guides() []api.VectorItem {
	var out []api.VectorItem
	for i, text := range []string{
		"Sharpen a chef's knife on a wet stone, twenty strokes on each side.",
		"Dry a cast iron pan on the stove and rub it with oil, and it will not rust.",
		"Descale the espresso pot once a month with vinegar and water.",
		"Charge the camera battery before the trip and keep the spare one warm.",
		"Clean a lens with a blower first and a soft cloth last.",
		"Sow tomato seeds indoors in March and plant them out after the last frost.",
		"Cut roses in early spring, just above a bud that faces outwards.",
		"Oil the bicycle chain after rain and wipe off what drips.",
		"Pump the tyres to the pressure that is printed on their side.",
		"Keep books upright, out of the sun, in a room that is not damp.",
	} {
		out = append(out, api.VectorItem{ID: fmt.Sprintf("guide-%d", i+1), Text: text, Metadata: json.RawMessage(`{"source":"sample"}`)})
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
