package api

import "encoding/json"

// VectorItem is one text to be found again by its meaning.
type VectorItem struct {
	// ID names the item within the tenant; storing the same id again replaces
	// it. 1 to 256 bytes without control characters.
	ID string `json:"id"`
	// Text is what is searched: 1 to 32,768 bytes, not only white space.
	Text string `json:"text"`
	// Metadata is an object of the caller's, at most 16,384 bytes; a filter
	// reads its top-level strings, numbers, booleans, and lists of these.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// VectorsUpsertRequest is the body of POST /vectors/upsert.
type VectorsUpsertRequest struct {
	Request
	// Items: 1 to 1,000, each id once. All are stored, or none.
	Items []VectorItem `json:"items"`
}

// VectorsUpsertAnswer answers POST /vectors/upsert.
type VectorsUpsertAnswer struct {
	Answer
	Upserted int `json:"upserted"`
	// Count is how many items the tenant now has.
	Count int `json:"count"`
}

// VectorsQueryRequest is the body of POST /vectors/query.
type VectorsQueryRequest struct {
	Request
	// Text to find the like of: 1 to 32,768 bytes.
	Text string `json:"text"`
	// TopK is how many results at most, 1 to 1,000; default 5.
	TopK *int `json:"top_k,omitempty"`
	// Filter names metadata fields and what they must be; all must hold. A
	// plain value means equal; an object holds any of $eq, $ne, $in, $nin,
	// $gt, $gte, $lt, $lte, $exists.
	Filter map[string]json.RawMessage `json:"filter,omitempty"`
}

// VectorMatch is one item found.
type VectorMatch struct {
	ID string `json:"id"`
	// Score is at most 1; the same text scores 1.
	Score float64 `json:"score"`
	// Semantic is the cosine of the two texts' embeddings, Lexical the share
	// of the query's words, weighted by rarity, that the item holds.
	Semantic float64         `json:"semantic"`
	Lexical  float64         `json:"lexical"`
	Text     string          `json:"text"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// VectorsQueryAnswer answers POST /vectors/query.
type VectorsQueryAnswer struct {
	Answer
	// Results, best first; never null.
	Results []VectorMatch `json:"results"`
	Count   int           `json:"count"`
	Model   string        `json:"model"`
	// Search is "exact" when every item was compared, "approximate" when the
	// graph led the way.
	Search string `json:"search"`
}

// VectorsDeleteRequest is the body of POST /vectors/delete.
type VectorsDeleteRequest struct {
	Request
	// IDs to remove: 1 to 1,000; unknown ones are no error.
	IDs []string `json:"ids"`
}

// VectorsDeleteAnswer answers POST /vectors/delete.
type VectorsDeleteAnswer struct {
	Answer
	// Deleted is how many of the ids existed.
	Deleted int `json:"deleted"`
	// Count is how many items the tenant now has.
	Count int `json:"count"`
}
