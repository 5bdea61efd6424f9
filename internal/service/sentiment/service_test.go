package sentiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/models/embed"
	weights "github.com/omni-run/omni/models/sentiment"
	"pgregory.net/rapid"
)

func load(tb testing.TB) *Service {
	tb.Helper()
	s := New(Deps{Embedding: embed.Default, Network: weights.Default})
	if err := s.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

func post(tb testing.TB, s *Service, body string) (*api.SentimentAnswer, []string, error) {
	tb.Helper()
	call := &service.Call{Tenant: "a", Body: []byte(body)}
	res, err := s.Routes()[0].Handler(tb.Context(), call)
	if err != nil {
		return nil, call.Warnings(), err
	}
	return res.(*api.SentimentAnswer), call.Warnings(), nil
}

func analyse(tb testing.TB, s *Service, said string) *api.SentimentAnswer {
	tb.Helper()
	body, err := json.Marshal(map[string]string{"text": said})
	if err != nil {
		tb.Fatal(err)
	}
	a, _, err := post(tb, s, string(body))
	if err != nil {
		tb.Fatalf("%q: %v", said, err)
	}
	return a
}

func TestSigns(t *testing.T) {
	t.Parallel()
	s := load(t)
	for want, texts := range map[string][]string{
		"positive": {
			"I absolutely love this product, it works wonderfully!", "great", "not bad at all", "I don't hate it", "Not bad.", "I couldn't be happier with my purchase.",
			"THIS IS AMAZING", "Best purchase I've ever made.", "The staff were friendly and helpful.", "The package arrived on Monday :)", "😍😍", "No complaints, everything works.",
			"The battery lasts forever and the screen is gorgeous.", "Thank you so much for your help!", "This movie was brilliant.",
			"Profits rose 20% in the third quarter.", "I wasn't disappointed.", "The battery lasts two days and charges fast.",
		},
		"negative": {
			"This is the worst service I have ever had. Terrible.", "The food was not good.", "awful", "I would not recommend this to anyone.", "WORST. APP. EVER.", "It stopped working after two days.",
			"The package arrived on Monday :(", "😡😡", "I am very disappointed with the quality.", "The app keeps crashing.", "I want a refund.", "It isn't worth the money.", "The movie was boring and far too long.",
			"Customer support never answered my emails.", "I don't like it.",
			"App crashes every time I open it.", "I still can't log in after resetting my password.", "Shares fell 12% after the warning.",
		},
		"neutral": {
			"The meeting is scheduled for Tuesday at 10 am.", "The package arrived on Monday.", "What time does the store open?", "12345", "3.14 42 2024-01-01", "!!!", "Please send me the report by Friday.",
			"The book has 300 pages.", "How do I export my data?", "The train to Berlin leaves at 9:15.", "The office is located on the third floor.",
			"The quick brown fox jumps over the lazy dog.", "Lisbon is the capital of Portugal.", "He opened the window and sat down.", "It's okay I guess.",
		},
	} {
		for _, said := range texts {
			if a := analyse(t, s, said); a.Sentiment != want {
				t.Errorf("%q: %s (%+v), want %s", said, a.Sentiment, a.Probabilities, want)
			}
		}
	}
}

func TestShapeOfOne(t *testing.T) {
	t.Parallel()
	a := analyse(t, load(t), "Köln is lovely 😀. But Dr. Müller paid $5 for terrible coffee!")
	if len(a.Sentences) != 2 || a.Sentences[1].Offset != 18 || a.Sentences[1].Text != "But Dr. Müller paid $5 for terrible coffee!" {
		t.Fatalf("sentences %+v", a.Sentences)
	}
	if a.Sentences[0].Polarity <= 0.2 || a.Sentences[1].Polarity >= -0.2 {
		t.Errorf("polarities %+v", a.Sentences)
	}
	runes := []rune(a.Text)
	for _, e := range a.Entities {
		if got := string(runes[e.Offset : e.Offset+len([]rune(e.Text))]); got != e.Text {
			t.Errorf("entity %+v stands at %q", e, got)
		}
	}
	if len(a.Entities) != 2 || a.Entities[0].Label != "PERSON" || a.Entities[1].Label != "MONEY" {
		t.Errorf("entities %+v", a.Entities)
	}
	if a.Language != "en" || a.OffsetUnit != "codepoint" || a.Model == "" {
		t.Errorf("%+v", a)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"text"`, `"sentiment"`, `"score"`, `"polarity"`, `"emotion"`, `"sentences"`, `"entities"`, `"keywords"`, `"language"`} {
		if !strings.Contains(string(raw), field) {
			t.Errorf("no %s in %s", field, raw)
		}
	}
	if strings.Contains(string(raw), `"results"`) {
		t.Errorf("a single text has no results: %s", raw)
	}
}

func TestBatchKeepsOrder(t *testing.T) {
	t.Parallel()
	s := load(t)
	a, warnings, err := post(t, s, `{"texts":["great","awful","Das Essen war leider überhaupt nicht gut und der Kellner war unfreundlich."]}`)
	if err != nil || a.Count != 3 || a.Results[0].Sentiment != "positive" || a.Results[1].Sentiment != "negative" {
		t.Fatalf("%+v %v", a, err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "texts[2] (de)") || a.Results[2].Score > 0.51 || a.Results[2].Sentiment != "neutral" {
		t.Errorf("warnings %q, result %+v", warnings, a.Results[2])
	}
}

func TestAScriptItCannotReadIsNotCalledSurelyNeutral(t *testing.T) {
	t.Parallel()
	s := load(t)
	for _, said := range []string{"这个产品非常好，我很喜欢。", "Ужасный сервис, никогда больше.", "هذا رائع جدا"} {
		if a := analyse(t, s, said); a.Sentiment != "neutral" || a.Score > 0.5 {
			t.Errorf("%q: %+v", said, a)
		}
	}
	if a := analyse(t, s, "12345"); a.Sentiment != "neutral" || a.Score < 0.8 {
		t.Errorf("a number: %+v", a)
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	s := load(t)
	long := strings.Repeat("a", maxTextBytes+1)
	for name, c := range map[string]struct{ body, code, field string }{
		"nothing":        {`{}`, "missing_text", "text"},
		"null":           {`{"text":null}`, "missing_text", "text"},
		"empty":          {`{"text":""}`, "empty_text", "text"},
		"white space":    {`{"text":" \n\t\u00a0"}`, "empty_text", "text"},
		"both":           {`{"text":"a","texts":["b"]}`, "text_and_texts", "texts"},
		"empty list":     {`{"texts":[]}`, "invalid_texts", "texts"},
		"empty in list":  {`{"texts":["a","b"," "]}`, "empty_text", "texts[2]"},
		"null in list":   {`{"texts":["a",null]}`, "empty_text", "texts[1]"},
		"number":         {`{"text":5}`, "wrong_type", "text"},
		"number in list": {`{"texts":["a",5]}`, "wrong_type", "texts[1]"},
		"long":           {`{"text":"` + long + `"}`, "text_too_long", "text"},
		"long in list":   {`{"texts":["a","` + long + `"]}`, "text_too_long", "texts[1]"},
		"many":           {`{"texts":["a"` + strings.Repeat(`,"a"`, maxTexts) + `]}`, "invalid_texts", "texts"},
		"much":           {`{"texts":["a"` + strings.Repeat(`,"`+long[:90_000]+`"`, 12) + `]}`, "texts_too_long", "texts"},
		"unknown field":  {`{"txt":"a"}`, "unknown_field", "txt"},
	} {
		_, _, err := post(t, s, c.body)
		var e *api.Error
		if !errors.As(err, &e) || e.Code != c.code || len(e.Details) == 0 || e.Details[0].Field != c.field {
			t.Errorf("%s: got %v, want %s at %s", name, err, c.code, c.field)
		}
	}
	_, _, err := post(t, s, `{"texts":[""," ","ok"]}`)
	var e *api.Error
	if !errors.As(err, &e) || len(e.Details) != 2 {
		t.Errorf("every empty text is named: %+v", e)
	}
}

func TestAnswersAreAlwaysSane(t *testing.T) {
	t.Parallel()
	s := load(t)
	rapid.Check(t, func(rt *rapid.T) {
		said := rapid.OneOf(rapid.String(), rapid.Just("\xff\xfe bad"), rapid.Map(rapid.SliceOf(rapid.SampledFrom([]string{"good ", "bad. ", "not ", ":)", "日本", "😡", "\n", "1e9 "})), func(p []string) string { return strings.Join(p, "") })).Draw(rt, "text")
		if strings.TrimSpace(said) == "" {
			return
		}
		a := analyse(t, s, said)
		p := a.Probabilities
		if math.Abs(p.Negative+p.Neutral+p.Positive-1) > 1e-3 || a.Score < 0.333 || a.Score > 1 || math.Abs(a.Polarity) > 1 {
			rt.Fatalf("%q: %+v", said, a)
		}
		runes := []rune(a.Text)
		for _, x := range a.Sentences {
			if got := string(runes[x.Offset : x.Offset+len([]rune(x.Text))]); got != x.Text {
				rt.Fatalf("%q: sentence %+v stands at %q", said, x, got)
			}
		}
	})
}

func TestEmotions(t *testing.T) {
	t.Parallel()
	s := load(t)
	for said, want := range map[string]string{
		"I am so happy today, what a wonderful surprise party!": "joy",
		"I cried all night, I miss her so much.":                "sadness",
		"I am furious, this is outrageous!":                     "anger",
		"I am terrified of losing my job.":                      "fear",
		"The kitchen was filthy and the smell was disgusting.":  "disgust",
		"The meeting is scheduled for Tuesday at 10 am.":        "neutral",
	} {
		if got := analyse(t, s, said).Emotion; got != want {
			t.Errorf("%q: %s, want %s", said, got, want)
		}
	}
}

func BenchmarkAnalyse(b *testing.B) {
	s := load(b)
	for _, n := range []int{1, 100} {
		body := fmt.Sprintf(`{"text":%q}`, strings.Repeat("I love how fast this app is, but the onboarding was confusing. ", n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := post(b, s, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
