package edge

import (
	"encoding/json"
	"errors"
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
