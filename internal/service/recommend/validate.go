package recommend

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/omni-run/omni/api"
)

// Limits of one call.
const (
	maxItemsPerCall  = 1_000
	maxEventsPerCall = 10_000
	maxIDLength      = 256
	maxTextLength    = 10_000
	maxTitleLength   = 1_000
	maxNameLength    = 256 // of a category, a tag, a preference
	maxTags          = 50
	maxMetadataBytes = 16 << 10
	maxPrice         = 1e12
	maxViews         = 200
	maxPreferences   = 50
	maxExclude       = 1_000
	maxQueryLength   = 2_000
	maxSimilarTo     = 50
	maxLimit         = 100
	defaultLimit     = 5
	maxWeight        = 100
)

// maxSkew is how far ahead of our clock a caller's may run.
const maxSkew = 24 * time.Hour

// count checks the length of a list.
func count(field string, n, lowest, most int) error {
	switch {
	case n < lowest:
		return api.Unprocessable("empty_list", "%s is empty; send %d to %d", field, lowest, most).At(field, "is empty")
	case n > most:
		return api.Unprocessable("too_many", "%s holds %d entries; at most %d go into one call", field, n, most).At(field, "%d entries", n)
	}
	return nil
}

// identifier checks a name that must be there.
func identifier(field, id string) error {
	if id == "" {
		return api.Unprocessable("missing_field", "%s is missing or empty", field).At(field, "is missing or empty")
	}
	if strings.ContainsRune(id, 0) {
		return api.Unprocessable("bad_id", "%s holds a zero byte", field).At(field, "holds a zero byte")
	}
	return length(field, id, maxIDLength)
}

// length counts characters, as callers do.
func length(field, s string, most int) error {
	if len(s) <= most {
		return nil
	}
	if n := utf8.RuneCountInString(s); n > most {
		return api.Unprocessable("text_too_long", "%s has %d characters; the limit is %d", field, n, most).At(field, "%d characters", n)
	}
	return nil
}

func inRange(field string, v, low, high float64) error {
	if !(v >= low && v <= high) {
		return api.Unprocessable("out_of_range", "%s is %v; it takes %v to %v", field, v, low, high).At(field, "is %v", v)
	}
	return nil
}

func firstOf(checks ...error) error {
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkItem(at string, it *api.RecommendItem) error {
	if err := firstOf(
		identifier(at+".item_id", it.ItemID),
		length(at+".title", it.Title, maxTitleLength),
		length(at+".description", it.Description, maxTextLength),
		length(at+".text", it.Text, maxTextLength),
		length(at+".category", it.Category, maxNameLength),
		count(at+".tags", len(it.Tags), 0, maxTags),
	); err != nil {
		return err
	}
	for k, tag := range it.Tags {
		if err := length(fmt.Sprintf("%s.tags[%d]", at, k), tag, maxNameLength); err != nil {
			return err
		}
	}
	if it.Price != nil {
		if err := inRange(at+".price", *it.Price, 0, maxPrice); err != nil {
			return err
		}
	}
	if len(it.Metadata) > 0 {
		raw, err := json.Marshal(it.Metadata)
		if err != nil {
			return fmt.Errorf("measuring metadata: %w", err)
		}
		if len(raw) > maxMetadataBytes {
			return api.Unprocessable("metadata_too_large", "%s.metadata takes %d bytes; the limit is %d", at, len(raw), maxMetadataBytes).
				At(at+".metadata", "%d bytes", len(raw))
		}
	}
	return nil
}

// checkInteraction validates one interaction and returns what it means.
func checkInteraction(at string, in *api.RecommendInteraction, now time.Time) (interaction, error) {
	if err := firstOf(
		length(at+".event_id", in.EventID, maxIDLength),
		identifier(at+".user_id", in.UserID),
		identifier(at+".item_id", in.ItemID),
	); err != nil {
		return interaction{}, err
	}
	kind, ok := kindNames[in.Type]
	if !ok {
		return interaction{}, api.Unprocessable("unknown_type", "%s.type is %.64q; it takes view, click, add_to_cart, purchase, like, dislike or rating", at, in.Type).
			At(at+".type", "%.64q", in.Type)
	}
	out := interaction{user: in.UserID, item: in.ItemID, kind: kind, at: now.Unix()}
	if in.Value != nil {
		if math.IsNaN(*in.Value) || math.IsInf(*in.Value, 0) {
			return interaction{}, inRange(at+".value", *in.Value, 1, 5)
		}
		out.value = *in.Value
	}
	if kind == rating {
		if in.Value == nil {
			return interaction{}, api.Unprocessable("missing_field", "%s.value is missing; a rating is 1 to 5", at).At(at+".value", "is missing")
		}
		if err := inRange(at+".value", *in.Value, 1, 5); err != nil {
			return interaction{}, err
		}
	}
	switch t := in.Timestamp; {
	case t.Unread != "":
		return interaction{}, api.Unprocessable("bad_timestamp", "%s.timestamp %s is neither RFC 3339 (2026-01-31T12:00:00Z) nor unix seconds", at, t.Unread).
			At(at+".timestamp", "cannot be read")
	case t.IsZero():
	case t.Unix() < 0:
		return interaction{}, api.Unprocessable("bad_timestamp", "%s.timestamp lies before 1970", at).At(at+".timestamp", "lies before 1970")
	case t.After(now.Add(maxSkew)):
		return interaction{}, api.Unprocessable("bad_timestamp", "%s.timestamp lies more than a day in the future", at).At(at+".timestamp", "lies in the future")
	default:
		out.at = min(t.Unix(), now.Unix())
	}
	return out, nil
}

func checkContext(c *api.RecommendContext) error {
	if err := firstOf(
		idList("context.recent_views", c.RecentViews, maxViews),
		idList("context.exclude", c.Exclude, maxExclude),
		length("context.query", c.Query, maxQueryLength),
		count("context.preferences", len(c.Preferences), 0, maxPreferences),
	); err != nil {
		return err
	}
	for i, p := range c.Preferences {
		at := fmt.Sprintf("context.preferences[%d]", i)
		if err := firstOf(length(at, p.Name, maxNameLength), inRange(at, p.Weight, -maxWeight, maxWeight)); err != nil {
			return err
		}
	}
	return nil
}

func idList(field string, ids []string, most int) error {
	if err := count(field, len(ids), 0, most); err != nil {
		return err
	}
	for i, id := range ids {
		if err := identifier(fmt.Sprintf("%s[%d]", field, i), id); err != nil {
			return err
		}
	}
	return nil
}

func checkFilters(f *api.RecommendFilters) error {
	for _, l := range []struct {
		field string
		names []string
	}{{"filters.category", f.Category}, {"filters.tags", f.Tags}} {
		if err := count(l.field, len(l.names), 0, maxTags); err != nil {
			return err
		}
		for i, n := range l.names {
			if err := length(fmt.Sprintf("%s[%d]", l.field, i), n, maxNameLength); err != nil {
				return err
			}
		}
	}
	for _, p := range []struct {
		field string
		value *float64
	}{{"filters.price_min", f.PriceMin}, {"filters.price_max", f.PriceMax}} {
		if p.value != nil {
			if err := inRange(p.field, *p.value, 0, maxPrice); err != nil {
				return err
			}
		}
	}
	if f.PriceMin != nil && f.PriceMax != nil && *f.PriceMin > *f.PriceMax {
		return api.Unprocessable("out_of_range", "filters.price_min is above filters.price_max").At("filters.price_min", "is above filters.price_max")
	}
	if f.Available != nil && !*f.Available {
		return api.Unprocessable("out_of_range", "filters.available is false; unavailable items are never recommended").At("filters.available", "is false")
	}
	return nil
}

// listLength reads limit and diversity.
func listLength(limit *int, diversity float64) (int, error) {
	n := defaultLimit
	if limit != nil {
		n = *limit
	}
	return n, firstOf(inRange("limit", float64(n), 1, maxLimit), inRange("diversity", diversity, 0, 1))
}
