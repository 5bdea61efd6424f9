package http1

import (
	"bytes"
	"errors"
	"io"

	"github.com/omni-run/omni/internal/httpfield"
)

// Limits of the chunked coding's framing, which carries no data of its own.
const (
	maxChunkLine    = 256
	maxTrailerBytes = 8 << 10
)

// errChunked says that a chunked body is malformed.
var errChunked = errors.New("http1: malformed chunked body")

// nextChunk moves to the next chunk, or returns io.EOF after the last one.
// Chunk extensions and trailers are checked and dropped.
func (b *body) nextChunk() error {
	if b.open {
		line, err := b.line(0)
		if err != nil {
			return err
		}
		if len(line) != 0 {
			return errChunked
		}
		b.open = false
	}
	line, err := b.line(maxChunkLine)
	if err != nil {
		return err
	}
	if b.left, err = chunkSize(line); err != nil {
		return err
	}
	if b.left > 0 {
		b.open = true
		return nil
	}
	for total := 0; ; {
		line, err := b.line(maxTrailerBytes)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			b.done.Store(true)
			return io.EOF
		}
		if total += len(line) + 2; total > maxTrailerBytes {
			return errChunked
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || !httpfield.ValidToken(string(name)) || !httpfield.ValidValue(string(value)) {
			return errChunked
		}
	}
}

// line reads a line of at most limit bytes without its CR LF. It is valid until
// the next read.
func (b *body) line(limit int) ([]byte, error) {
	c := b.c
	for {
		have := c.in[c.r:c.w]
		if at := bytes.IndexByte(have, '\n'); at >= 0 {
			if at == 0 || have[at-1] != '\r' || at-1 > limit {
				return nil, errChunked
			}
			c.r += at + 1
			return have[:at-1], nil
		}
		if len(have) > limit+1 {
			return nil, errChunked
		}
		if err := b.prepare(); err != nil {
			return nil, err
		}
		if err := c.fill(len(c.in)); errors.Is(err, errFull) {
			return nil, errChunked
		} else if err != nil {
			return nil, b.fail(err)
		}
	}
}

// chunkSize reads the hexadecimal size before an optional extension.
func chunkSize(line []byte) (int64, error) {
	var size int64
	digits := 0
	for i, c := range line {
		var d byte
		switch {
		case '0' <= c && c <= '9':
			d = c - '0'
		case 'a' <= c && c <= 'f':
			d = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			d = c - 'A' + 10
		case c == ';' && digits > 0 && httpfield.ValidValue(string(line[i:])):
			return size, nil
		default:
			return 0, errChunked
		}
		if digits++; digits > 15 {
			return 0, errChunked
		}
		size = size<<4 | int64(d)
	}
	if digits == 0 {
		return 0, errChunked
	}
	return size, nil
}
