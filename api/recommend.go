package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// RecommendItem is one thing a tenant can recommend.
type RecommendItem struct {
	ItemID string `json:"item_id"`
	// Title, Description and Text are what the item is compared by; any of
	// them may be empty.
	Title       string         `json:"title,omitempty"`
	Description string         `json:"description,omitempty"`
	Text        string         `json:"text,omitempty"`
	Category    string         `json:"category,omitempty"`
	Tags        []string       `json:"tags,omitempty"`
	Price       *float64       `json:"price,omitempty"`
	Metadata    map[string]any `json:"metadata,omitempty"`
	// Available defaults to true; an item that is not is never recommended.
	Available *bool `json:"available,omitempty"`
}

// RecommendItemsRequest is the body of POST /recommend/items: each item is
// added, or replaces the one with its id.
type RecommendItemsRequest struct {
	Request
	Items []RecommendItem `json:"items"`
}

// RecommendItemsAnswer says what became of the items.
type RecommendItemsAnswer struct {
	Answer
	Added   int `json:"added"`
	Updated int `json:"updated"`
	// Items is how many the catalogue now holds.
	Items int `json:"items"`
}

// RecommendDeleteRequest is the body of POST /recommend/items/delete.
type RecommendDeleteRequest struct {
	Request
	ItemIDs []string `json:"item_ids"`
}

// RecommendDeleteAnswer says how many of the ids were in the catalogue.
type RecommendDeleteAnswer struct {
	Answer
	Deleted int `json:"deleted"`
	Items   int `json:"items"`
}

// RecommendCatalogAnswer is one page of GET /recommend/items, by id.
type RecommendCatalogAnswer struct {
	Answer
	Items []RecommendItem `json:"items"`
	Total int             `json:"total"`
	// Next is the value of ?after= for the next page; empty on the last.
	Next string `json:"next,omitempty"`
}

// RecommendInteraction is one thing a user did with an item.
type RecommendInteraction struct {
	// EventID makes sending it again harmless.
	EventID string `json:"event_id,omitempty"`
	UserID  string `json:"user_id"`
	ItemID  string `json:"item_id"`
	// Type is view, click, add_to_cart, purchase, like, dislike or rating.
	Type string `json:"type"`
	// Value is the rating, 1 to 5; other types ignore it.
	Value     *float64  `json:"value,omitempty"`
	Timestamp EventTime `json:"timestamp,omitzero"`
}

// RecommendInteractionsRequest is the body of POST /recommend/interactions.
type RecommendInteractionsRequest struct {
	Request
	Interactions []RecommendInteraction `json:"interactions"`
}

// RecommendInteractionsAnswer counts what was new.
type RecommendInteractionsAnswer struct {
	Answer
	Added      int `json:"added"`
	Duplicates int `json:"duplicates"`
	// UnknownItems is how many of the interactions name an item that is not in
	// the catalogue. They are kept and learnt from.
	UnknownItems int `json:"unknown_items"`
	Interactions int `json:"interactions"`
}

// RecommendTrainRequest is the body of POST /recommend/train.
type RecommendTrainRequest struct {
	Request
	// Model is auto (default), ease or als.
	Model string `json:"model,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`
}

// RecommendQuality is the result of a hold-out: every user's last item was
// hidden, and looked for among all items the user had not met.
type RecommendQuality struct {
	Recall float64 `json:"recall"`
	NDCG   float64 `json:"ndcg"`
}

// RecommendCandidate is one setting that was tried on the hold-out.
type RecommendCandidate struct {
	Model  string  `json:"model"`
	Lambda float64 `json:"lambda"`
	RecommendQuality
}

// RecommendHoldout says how the setting was chosen.
type RecommendHoldout struct {
	Method string `json:"method"`
	Users  int    `json:"users"`
	K      int    `json:"k"`
	RecommendQuality
	// Popularity is what ranking by popularity alone scores.
	Popularity RecommendQuality     `json:"popularity"`
	Candidates []RecommendCandidate `json:"candidates"`
}

// RecommendTrainAnswer is what training found.
type RecommendTrainAnswer struct {
	Answer
	// Trained is false when the data are too few for a collaborative model.
	Trained      bool   `json:"trained"`
	Model        string `json:"model"`
	ModelVersion int    `json:"model_version,omitempty"`
	Users        int    `json:"users"`
	Items        int    `json:"items"`
	Interactions int    `json:"interactions"`
	// Pairs is the number of distinct user-item pairs learnt from.
	Pairs   int               `json:"pairs"`
	Lambda  float64           `json:"lambda,omitempty"`
	Holdout *RecommendHoldout `json:"holdout,omitempty"`
	Seconds float64           `json:"seconds"`
}

// RecommendFilters narrow what may be recommended.
type RecommendFilters struct {
	// Category is one name or a list of them; any of them fits.
	Category StringList `json:"category,omitempty"`
	// Tags must all be present.
	Tags     StringList `json:"tags,omitempty"`
	PriceMin *float64   `json:"price_min,omitempty"`
	PriceMax *float64   `json:"price_max,omitempty"`
	// Available may be true, which is the default.
	Available *bool `json:"available,omitempty"`
}

// RecommendContext is what is known of the moment. Fields it does not know are
// collected in Ignored and reported as warnings, because callers put all kinds
// of things into a context.
type RecommendContext struct {
	RecentViews []string    `json:"recent_views,omitempty"`
	Preferences Preferences `json:"preferences,omitempty"`
	Query       string      `json:"query,omitempty"`
	Exclude     []string    `json:"exclude,omitempty"`
	Ignored     []string    `json:"-"`
}

// UnmarshalJSON reads the known fields and notes the others.
func (c *RecommendContext) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return wrongType("context", data, "an object")
	}
	read := func(name string, dst any, takes string) error {
		if raw, ok := fields[name]; ok {
			delete(fields, name)
			if err := json.Unmarshal(raw, dst); err != nil {
				if at, odd := oddString(raw); at >= 0 {
					return wrongType(fmt.Sprintf("context.%s[%d]", name, at), odd, "a string")
				}
				return wrongType("context."+name, raw, takes)
			}
		}
		return nil
	}
	*c = RecommendContext{}
	for _, f := range []struct {
		name  string
		dst   any
		takes string
	}{
		{"recent_views", &c.RecentViews, "a list of strings"},
		{"preferences", &c.Preferences, "a list of strings or an object of name to value"},
		{"query", &c.Query, "a string"},
		{"exclude", &c.Exclude, "a list of strings"},
	} {
		if err := read(f.name, f.dst, f.takes); err != nil {
			return err
		}
	}
	for name := range fields {
		c.Ignored = append(c.Ignored, name)
	}
	slices.Sort(c.Ignored)
	return nil
}

// RecommendProductsRequest is the body of POST /recommend/products.
type RecommendProductsRequest struct {
	Request
	UserID  string           `json:"user_id"`
	Context RecommendContext `json:"context,omitzero"`
	Filters RecommendFilters `json:"filters,omitzero"`
	// Limit is 1 to 100, default 5.
	Limit *int `json:"limit,omitempty"`
	// Diversity, 0 (default) to 1, trades score for variety within the list.
	Diversity float64 `json:"diversity,omitempty"`
	// AllowRepeats lets items be recommended that the user bought more than 30
	// days ago.
	AllowRepeats bool `json:"allow_repeats,omitempty"`
}

// RecommendSimilarRequest is the body of POST /recommend/similar: item_id or
// item_ids.
type RecommendSimilarRequest struct {
	Request
	ItemID    string           `json:"item_id,omitempty"`
	ItemIDs   []string         `json:"item_ids,omitempty"`
	Filters   RecommendFilters `json:"filters,omitzero"`
	Limit     *int             `json:"limit,omitempty"`
	Diversity float64          `json:"diversity,omitempty"`
}

// ScoreBreakdown is what each part adds to a score; they sum to it.
type ScoreBreakdown struct {
	Collaborative float64 `json:"collaborative"`
	Content       float64 `json:"content"`
	Behavioral    float64 `json:"behavioral"`
}

// RecommendEvidence is one fact behind a recommendation.
type RecommendEvidence struct {
	// Component is the part of the score: collaborative, content, behavioral.
	Component string `json:"component"`
	// Kind says what ID is: item, preference, query, category, popularity.
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	// Share is the part of the component's sum this evidence gave.
	Share float64 `json:"share,omitempty"`
	// Users counts the users behind it, where that is what it rests on.
	Users int `json:"users,omitempty"`
	// Terms are words the two texts share.
	Terms []string `json:"terms,omitempty"`
}

// Recommendation is one item in the order of preference.
type Recommendation struct {
	ItemID string `json:"item_id"`
	// ProductID repeats ItemID, for callers of the original platform.
	ProductID string              `json:"product_id"`
	Score     float64             `json:"score"`
	Reasoning string              `json:"reasoning"`
	Breakdown ScoreBreakdown      `json:"score_breakdown"`
	Evidence  []RecommendEvidence `json:"evidence"`
	Title     string              `json:"title,omitempty"`
	Category  string              `json:"category,omitempty"`
	Tags      []string            `json:"tags,omitempty"`
	Price     *float64            `json:"price,omitempty"`
}

// RecommendAnswer is the answer of /recommend/products and /recommend/similar.
type RecommendAnswer struct {
	Answer
	RecommendationID string           `json:"recommendation_id"`
	Model            string           `json:"model"`
	ModelVersion     int              `json:"model_version,omitempty"`
	Recommendations  []Recommendation `json:"recommendations"`
}

// StringList is a list of strings for which JSON may give a single string.
type StringList []string

// UnmarshalJSON reads "a" or ["a", "b"].
func (l *StringList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil && !bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		*l = StringList{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return wrongType("filters", data, "a string or a list of strings")
	}
	*l = many
	return nil
}

// Preference is one liking with its weight; a negative one is a disliking.
type Preference struct {
	// Name is the text of the preference.
	Name   string
	Weight float64
}

// Preferences may be given as a list of strings, or as an object: name to
// weight (a number), name to true or false (1 or -1), or a field to its value
// or values ("category": "lenses"), where the values are what is preferred.
type Preferences []Preference

// UnmarshalJSON reads either form.
func (p *Preferences) UnmarshalJSON(data []byte) error {
	*p = nil
	var list []string
	if err := json.Unmarshal(data, &list); err == nil {
		for _, s := range list {
			*p = append(*p, Preference{s, 1})
		}
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names) // so that equal bodies give equal answers
	for _, name := range names {
		if err := p.add(name, fields[name]); err != nil {
			return err
		}
	}
	return nil
}

func (p *Preferences) add(name string, raw json.RawMessage) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	switch v := value.(type) {
	case nil:
	case float64:
		*p = append(*p, Preference{name, v})
	case bool:
		weight := -1.0
		if v {
			weight = 1
		}
		*p = append(*p, Preference{name, weight})
	case string:
		*p = append(*p, Preference{v, 1})
	case []any:
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				return fmt.Errorf("preference %q holds a list of something else than strings", name)
			}
			*p = append(*p, Preference{s, 1})
		}
	default:
		return fmt.Errorf("preference %q is an object", name)
	}
	return nil
}

// EventTime is when something happened: RFC 3339, or unix seconds as a number.
type EventTime struct {
	time.Time
	// Unread is what could not be read as a time; whoever validates the body
	// knows the index to name.
	Unread string
}

// UnmarshalJSON reads either form; null leaves the zero time.
func (t *EventTime) UnmarshalJSON(data []byte) error {
	*t = EventTime{}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return err
	}
	switch v := value.(type) {
	case nil:
		return nil
	case float64:
		if math.Abs(v) < 1e11 {
			t.Time = time.UnixMilli(int64(math.Round(v * 1000))).UTC()
			return nil
		}
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			t.Time = at.UTC()
			return nil
		}
	}
	t.Unread = fmt.Sprintf("%.64s", data)
	return nil
}

// oddString finds the first entry of a list that is not a string; -1 if there
// is none or data is no list.
func oddString(data []byte) (int, json.RawMessage) {
	var list []json.RawMessage
	_ = json.Unmarshal(data, &list)
	for i, entry := range list {
		if s := ""; json.Unmarshal(entry, &s) != nil {
			return i, entry
		}
	}
	return -1, nil
}

func wrongType(field string, got []byte, takes string) error {
	return Unprocessable("wrong_type", "%s: %.64s does not fit here; it takes %s", field, got, takes).At(field, "takes %s", takes)
}
