package edge

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
)

// readBody takes in the whole body, so that the call can wait for a worker, be
// sent again where that is safe, and be refused here when no worker could read
// it. What is too large is refused by its declared length, before a byte of it
// is read.
func (g *Gateway) readBody(next Handler) Handler {
	return func(x *Exchange) error {
		if x.R.Method == http.MethodGet || x.R.Method == http.MethodHead {
			if x.R.ContentLength > 0 || len(x.R.TransferEncoding) > 0 {
				return api.BadRequest("unexpected_body", "a %s carries no body", x.R.Method)
			}
			return next(x)
		}
		limit := min(x.Tier.MaxBody, x.live.cfg.Limits.MaxBody)
		if x.R.ContentLength > limit {
			return tooLarge(limit)
		}
		if x.R.ContentLength == 0 {
			return next(x)
		}
		if err := checkContentType(x.R.Header); err != nil {
			return err
		}
		body, err := g.takeIn(x, limit)
		if err != nil {
			return err
		}
		if len(body) > 0 {
			if err := checkJSON(body, x.live.cfg.Limits.JSONDepth); err != nil {
				return err
			}
		}
		x.Body = body
		return next(x)
	}
}

func (g *Gateway) takeIn(x *Exchange, limit int64) ([]byte, error) {
	body, err := readAll(x, limit)
	if err == nil && x.bodyTimed {
		return body, nil
	}
	if err == nil {
		if err := http.NewResponseController(x.W).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return nil, fmt.Errorf("lifting the body's deadline: %w", err)
		}
		return body, nil
	}
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, api.NewError(http.StatusRequestTimeout, "body_timeout", "the body did not arrive within %s", g.cfg.Limits.BodyTimeout.D())
	default:
		return nil, api.BadRequest("unreadable_body", "the body ended early or is malformed").Because(err)
	}
}

// readAll reads to the end, into one allocation when the length is known. The
// length is the caller's word, so it only counts up to a megabyte.
func readAll(x *Exchange, limit int64) ([]byte, error) {
	r, length := x.R.Body, x.R.ContentLength
	if length < 0 || length > 1<<20 {
		return io.ReadAll(http.MaxBytesReader(x.W, r, limit))
	}
	buf := make([]byte, length)
	n, err := io.ReadFull(r, buf)
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

func tooLarge(limit int64) error {
	return api.NewError(http.StatusRequestEntityTooLarge, "body_too_large", "the body exceeds the %d bytes that you may send", limit)
}

func checkContentType(h http.Header) error {
	values := h["Content-Type"]
	if len(values) == 1 && values[0] == "application/json" && len(h["Content-Encoding"]) == 0 {
		return nil
	}
	if len(values) == 1 {
		kind, params, err := mime.ParseMediaType(values[0])
		charset := strings.ToLower(params["charset"])
		if err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json")) && (charset == "" || charset == "utf-8") {
			if encoding := h.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
				return api.NewError(http.StatusUnsupportedMediaType, "unsupported_encoding", "send the body as it is, without Content-Encoding")
			}
			return nil
		}
	}
	return api.NewError(http.StatusUnsupportedMediaType, "unsupported_media_type", "send JSON in UTF-8, with Content-Type: application/json")
}
