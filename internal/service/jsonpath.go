package service

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// fieldAt names the value of a body that starts last before the byte offset,
// the way errors name fields: "items[3].id". encoding/json names the field but
// not the index. It is empty for the body itself.
func fieldAt(body []byte, offset int64) string {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var open []level
	found := ""
	for {
		start := valueStart(body, dec.InputOffset())
		if start >= offset {
			return found
		}
		token, err := dec.Token()
		if err != nil {
			return found
		}
		delimiter, _ := token.(json.Delim)
		if delimiter == '}' || delimiter == ']' {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open); n > 0 {
			if name, ok := token.(string); ok && open[n-1].object && !open[n-1].named {
				open[n-1].name, open[n-1].named = name, true
				continue
			}
			open[n-1].named = false
			open[n-1].index++
		}
		found = pathOf(open)
		if delimiter != 0 {
			open = append(open, level{object: delimiter == '{', index: -1})
		}
	}
}

// level is an object or list that is being read: of an object the name whose
// value comes or came last, of a list its index.
type level struct {
	object, named bool
	name          string
	index         int
}

func pathOf(open []level) string {
	var out []byte
	for _, l := range open {
		if l.object {
			if len(out) > 0 {
				out = append(out, '.')
			}
			out = append(out, l.name...)
			continue
		}
		out = append(strconv.AppendInt(append(out, '['), int64(l.index), 10), ']')
	}
	return string(out)
}

// valueStart skips what stands between two tokens.
func valueStart(body []byte, at int64) int64 {
	for at < int64(len(body)) && bytes.IndexByte([]byte(" \t\r\n,:"), body[at]) >= 0 {
		at++
	}
	return at
}
