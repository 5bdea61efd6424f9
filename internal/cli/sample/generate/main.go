// Command generate writes the sample data that ships with Omni. Everything is
// invented, by the code below and one seed; nothing comes from a real shop.
//
//	go generate ./internal/cli/sample
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const seed = 20260101

func main() {
	dir := "data"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := run(dir); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	for _, file := range []struct {
		name  string
		write func(*rand.Rand) []byte
	}{
		{"sales.csv", sales}, {"metrics.csv", metrics}, {"items.json", items}, {"interactions.json", interactions},
	} {
		// Each file has its own stream, so that one can change alone.
		r := rand.New(rand.NewPCG(seed, uint64(len(file.name))))
		if err := os.WriteFile(filepath.Join(dir, file.name), file.write(r), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sales is four years of monthly revenue: growth, a strong December, a weak
// February, and noise of three percent.
func sales(r *rand.Rand) []byte {
	season := [12]float64{0.92, 0.86, 0.97, 0.98, 1.00, 0.99, 0.94, 0.95, 1.01, 1.05, 1.14, 1.31}
	out := []byte("date,revenue\n")
	month := time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 48 {
		level := 42_000 * math.Pow(1.011, float64(i))
		v := level * season[i%12] * (1 + 0.03*r.NormFloat64())
		out = fmt.Appendf(out, "%s,%.2f\n", month.Format(time.DateOnly), v)
		month = month.AddDate(0, 1, 0)
	}
	return out
}

// metrics is a week of hourly response times: slow by day, quick by night, with
// two spikes and one hour in which almost nothing arrived.
func metrics(r *rand.Rand) []byte {
	out := []byte("timestamp,response_ms\n")
	at := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	for i := range 7 * 24 {
		v := 180 + 60*math.Sin(2*math.Pi*(float64(i%24)-8)/24) + 6*r.NormFloat64()
		switch i {
		case 61:
			v = 655
		case 62:
			v = 540
		case 130:
			v = 21
		}
		out = fmt.Appendf(out, "%s,%.1f\n", at.Format(time.RFC3339), v)
		at = at.Add(time.Hour)
	}
	return out
}

// shelf is one category of the invented shop.
type shelf struct {
	name  string
	words string
	items []string
}

var shelves = []shelf{
	{"kitchen", "cooking kitchen steel", []string{"Chef's knife", "Cast iron pan", "Bread tin", "Pasta maker", "Espresso pot", "Kitchen scale", "Oak cutting board", "Stock pot"}},
	{"camera", "photo lens picture", []string{"Prime lens 50 mm", "Travel tripod", "Camera strap", "Field camera bag", "Polarising filter", "Spare battery", "Macro lens", "Memory card case"}},
	{"garden", "garden plant soil", []string{"Hand trowel", "Pruning shears", "Tomato seeds", "Watering can", "Compost bin", "Raised bed", "Garden gloves", "Seedling lamp"}},
	{"cycling", "bike ride road", []string{"Commuter helmet", "Floor pump", "Pannier bag", "Chain lube", "Rear light", "Repair stand", "Rain jacket", "Cycling gloves"}},
	{"books", "book reading story", []string{"Atlas of rivers", "Letters from the harbour", "The clock maker", "A field guide to moss", "Short histories", "Winter recipes", "The long bridge", "Notes on light"}},
}

type item struct {
	ItemID      string   `json:"item_id"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Category    string   `json:"category"`
	Tags        []string `json:"tags"`
	Price       float64  `json:"price"`
}

func itemID(shelf, i int) string { return fmt.Sprintf("%s-%d", shelves[shelf].name, i+1) }

func items(r *rand.Rand) []byte {
	var out []item
	for s, shelf := range shelves {
		for i, title := range shelf.items {
			price := math.Round(100*(8+80*r.Float64())) / 100
			tag := "everyday"
			if price > 50 {
				tag = "premium"
			}
			out = append(out, item{itemID(s, i), title, title + " for " + shelf.words, shelf.name, []string{tag}, price})
		}
	}
	return lines(out)
}

type interaction struct {
	EventID   string `json:"event_id"`
	UserID    string `json:"user_id"`
	ItemID    string `json:"item_id"`
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
}

// interactions: sixty people, each fond of one shelf and curious about another.
func interactions(r *rand.Rand) []byte {
	var out []interaction
	at := time.Date(2025, 11, 1, 8, 0, 0, 0, time.UTC)
	kinds := []string{"view", "view", "view", "click", "add_to_cart", "purchase"}
	for user := range 60 {
		fond, curious := user%len(shelves), (user+1+r.IntN(len(shelves)-1))%len(shelves)
		for n := range 8 + r.IntN(6) {
			shelf := fond
			if r.Float64() < 0.2 {
				shelf = curious
			}
			at = at.Add(time.Duration(1+r.IntN(40)) * time.Minute)
			out = append(out, interaction{
				fmt.Sprintf("sample-%02d-%02d", user+1, n+1), fmt.Sprintf("user-%d", user+1), itemID(shelf, r.IntN(8)),
				kinds[r.IntN(len(kinds))], at.Format(time.RFC3339),
			})
		}
	}
	return lines(out)
}

// lines writes a JSON list with one element a line, so that changes show.
func lines[T any](list []T) []byte {
	out := []byte("[\n")
	for i, v := range list {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err) // plain structs of strings and finite numbers
		}
		out = append(append(out, ' ', ' '), raw...)
		if i < len(list)-1 {
			out = append(out, ',')
		}
		out = append(out, '\n')
	}
	return append(out, ']', '\n')
}
