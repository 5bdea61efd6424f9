package api

// SentimentRequest is the body of POST /sentiment/analyze: Text or Texts, not
// both.
type SentimentRequest struct {
	Request
	// Text is 1 to 100,000 bytes, not only white space.
	Text *string `json:"text,omitempty"`
	// Texts are 1 to 1,000 such texts, 1,000,000 bytes together. One that
	// cannot be read refuses the call and is named by its index.
	Texts []string `json:"texts,omitempty"`
}

// SentimentResult is what is said of one text.
type SentimentResult struct {
	Text string `json:"text"`
	// Sentiment is "positive", "neutral" or "negative".
	Sentiment string `json:"sentiment"`
	// Score is the probability given to Sentiment, between 0 and 1.
	Score float64 `json:"score"`
	// Polarity is the probability of positive less that of negative.
	Polarity      float64                `json:"polarity"`
	Probabilities SentimentProbabilities `json:"probabilities"`
	// Emotion is joy, sadness, anger, fear, surprise, disgust or neutral.
	Emotion string `json:"emotion"`
	// Sentences, in the order of the text.
	Sentences []SentimentSentence `json:"sentences"`
	// Entities are mentions found by their form, at most 100.
	Entities []SentimentEntity `json:"entities"`
	// Keywords, most telling first, at most 10.
	Keywords []string `json:"keywords"`
	// Language is an ISO 639 code, "und" where nothing shows one.
	Language string `json:"language"`
	// LanguageConfidence is between 0 and 1; short texts get 0.5 at most.
	LanguageConfidence float64 `json:"language_confidence"`
}

// SentimentProbabilities sum to 1.
type SentimentProbabilities struct {
	Negative float64 `json:"negative"`
	Neutral  float64 `json:"neutral"`
	Positive float64 `json:"positive"`
}

// SentimentSentence is one sentence of a text.
type SentimentSentence struct {
	Text string `json:"text"`
	// Offset is where the sentence starts, in Unicode code points.
	Offset    int     `json:"offset"`
	Polarity  float64 `json:"polarity"`
	Sentiment string  `json:"sentiment"`
}

// SentimentEntity is a mention in a text. Labels: EMAIL URL MONEY PERCENT DATE
// TIME PHONE HANDLE HASHTAG PRODUCT PERSON ORG, or NAME for a capitalised name
// whose form says no more.
type SentimentEntity struct {
	Text  string `json:"text"`
	Label string `json:"label"`
	// Offset is where the mention starts, in Unicode code points.
	Offset int `json:"offset"`
}

// SentimentAnswer answers POST /sentiment/analyze: the fields of one result
// for "text"; Results and Count for "texts".
type SentimentAnswer struct {
	Answer
	*SentimentResult
	Results []SentimentResult `json:"results,omitempty"`
	Count   int               `json:"count,omitempty"`
	Model   string            `json:"model"`
	// OffsetUnit is "codepoint".
	OffsetUnit string `json:"offset_unit"`
}
