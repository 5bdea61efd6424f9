package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/omni-run/omni/api"
)

// maxBody bounds a request body.
const maxBody = 64 << 10

// read decodes the body strictly into dst. optional admits an empty one.
func read(w http.ResponseWriter, r *http.Request, dst any, optional bool) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return api.NewError(http.StatusRequestEntityTooLarge, "body_too_large", "the body has more than %d bytes", maxBody)
	case err != nil:
		return api.BadRequest("unreadable_body", "the body could not be read to its end").Because(err)
	case len(bytes.TrimSpace(body)) == 0 && optional:
		return nil
	case len(bytes.TrimSpace(body)) == 0:
		return api.BadRequest("empty_body", "the body is empty; send a JSON object")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return api.NewError(http.StatusUnsupportedMediaType, "unsupported_media_type", "send the body as Content-Type: application/json")
	}
	return decode(body, dst)
}

func decode(body []byte, dst any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return api.Unprocessable("wrong_type", "%s: a JSON %s does not fit here", wrong.Field, wrong.Value).At(wrong.Field, "got %s", wrong.Value)
		}
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return api.BadRequest("unknown_field", "unknown field %.80s", name).At(strings.Trim(name, `"`), "unknown field")
		}
		return api.BadRequest("malformed_json", "the body is not valid JSON, or a time in it is not RFC 3339").Because(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return api.BadRequest("malformed_json", "the body holds more than one JSON value")
	}
	return nil
}

// Bounds of a page.
const (
	defaultPage = 50
	maxPage     = 200
)

// page reads the query parameters cursor and limit.
func page(q url.Values) (after string, limit int, err error) {
	after, limit = q.Get("cursor"), defaultPage
	if len(after) > 128 {
		return "", 0, api.Unprocessable("bad_cursor", "cursor is not one that a page was answered with").At("cursor", "too long")
	}
	if text := q.Get("limit"); text != "" {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxPage {
			return "", 0, api.Unprocessable("bad_limit", "limit must be a whole number in [1, %d]", maxPage).At("limit", "out of range")
		}
	}
	return after, limit, nil
}

// base is the common head of any answer.
type base interface{ Base() *api.Answer }

// reply answers with JSON. What /admin says is nobody's to keep.
func (h *Handler) reply(w http.ResponseWriter, r *http.Request, status int, answer base) error {
	b := answer.Base()
	b.Status, b.RequestID = "success", h.deps.RequestID(r)
	if b.Warnings == nil {
		b.Warnings = []string{}
	}
	h.write(w, r, status, answer)
	return nil
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, status int, body any) {
	out, err := json.Marshal(body)
	if err != nil {
		h.deps.Log.Error("encoding an admin answer", slog.Any("error", err))
		status, out = http.StatusInternalServerError, []byte(`{"status":"error","error":"internal","message":"the answer could not be written","request_id":`+strconv.Quote(h.deps.RequestID(r))+`}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := w.Write(append(out, '\n')); err != nil {
		h.deps.Log.Debug("an admin answer was not read to its end", slog.Any("error", err))
	}
}

// fail answers an error.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if h.deps.Fail != nil {
		h.deps.Fail(w, r, err)
		return
	}
	id := h.deps.RequestID(r)
	var e *api.Error
	if !errors.As(err, &e) {
		e = api.NewError(http.StatusInternalServerError, "internal", "something went wrong here; give the request id when you report it").Because(err)
	}
	if e.HTTP >= http.StatusInternalServerError {
		h.deps.Log.Error("admin failed", slog.Any("error", err), slog.String("request_id", id))
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(e.RetryAfter.Seconds()))))
	}
	h.write(w, r, e.HTTP, e.Body(id))
}
