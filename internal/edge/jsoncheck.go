package edge

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/jsonscan"
)

// checkJSON refuses a body that no worker could read, so that it need not wait
// for one: not UTF-8, not JSON, nested too deep.
func checkJSON(body []byte, maxDepth int) error {
	if jsonscan.Sound(body, maxDepth) {
		return nil
	}
	// Something is wrong: look again, slowly, to say what.
	if depth := jsonDepth(body); depth > maxDepth {
		return api.BadRequest("too_deep", "the body nests %d levels deep; at most %d are read", depth, maxDepth)
	}
	if !json.Valid(body) {
		var v json.RawMessage
		err := json.Unmarshal(body, &v)
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			if word := wordAt(body, int(syntax.Offset)); notFinite(word) {
				return api.BadRequest("malformed_json", "the body is not valid JSON (byte %d): JSON has no %s; send null for a missing value", syntax.Offset, word)
			}
			return api.BadRequest("malformed_json", "the body is not valid JSON (byte %d): %s", syntax.Offset, syntax.Error())
		}
		return api.BadRequest("malformed_json", "the body is not valid JSON")
	}
	if !utf8.Valid(body) {
		return api.BadRequest("malformed_json", "the body is not valid UTF-8")
	}
	return nil
}

// jsonDepth is how deep brackets nest outside strings. It needs no valid JSON.
func jsonDepth(body []byte) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// wordAt returns the letters around a byte, counted from 1.
func wordAt(body []byte, offset int) string {
	letter := func(i int) bool {
		return i >= 0 && i < len(body) && (body[i]|0x20 >= 'a' && body[i]|0x20 <= 'z')
	}
	from, to := min(offset-1, len(body)), min(offset, len(body))
	for letter(from - 1) {
		from--
	}
	for letter(to) {
		to++
	}
	return string(body[max(0, from):to])
}

// notFinite recognises how programs write numbers that are none.
func notFinite(word string) bool {
	switch strings.ToLower(word) {
	case "nan", "inf", "infinity":
		return true
	}
	return false
}
