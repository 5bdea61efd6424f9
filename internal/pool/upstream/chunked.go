package upstream

import (
	"bufio"
	"errors"
	"io"

	"github.com/omni-run/omni/internal/httpfield"
)

// Limits of the chunked coding's framing, which carries no data of its own.
const (
	maxChunkLine    = 256
	maxTrailerBytes = 8 << 10
)

// chunked decodes the chunked transfer coding. Chunk extensions and trailers
// are checked and dropped.
type chunked struct {
	br   *bufio.Reader
	left int64 // of the current chunk
	// open is true from the size line of a chunk to its closing CR LF.
	open bool
	err  error
}

func (c *chunked) Read(p []byte) (int, error) {
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	if c.left == 0 {
		if c.err = c.next(); c.err != nil {
			return 0, c.err
		}
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.br.Read(p)
	c.left -= int64(n)
	if err != nil {
		c.err = unexpected(err)
	}
	return n, c.err
}

// next moves to the next chunk, or returns io.EOF after the last one.
func (c *chunked) next() error {
	if c.open {
		line, err := c.line()
		if err != nil {
			return err
		}
		if len(line) != 0 {
			return malformed("chunk is longer than its size")
		}
		c.open = false
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	if c.left, err = parseChunkSize(line); err != nil {
		return err
	}
	if c.left > 0 {
		c.open = true
		return nil
	}
	return c.trailers()
}

func (c *chunked) trailers() error {
	for total := 0; ; {
		line, err := c.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return io.EOF
		}
		if total += len(line) + 2; total > maxTrailerBytes {
			return malformed("trailers are longer than %d bytes", maxTrailerBytes)
		}
		if _, _, err := parseFields(string(line) + "\r\n\r\n"); err != nil {
			return err
		}
	}
}

// line reads a line and cuts its CR LF off. It is valid until the next read.
func (c *chunked) line() ([]byte, error) {
	line, err := c.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, malformed("line in chunked body is too long")
	}
	if err != nil {
		return nil, unexpected(err)
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return nil, malformed("line in chunked body does not end in CR LF")
	}
	return line[:len(line)-2], nil
}

// parseChunkSize reads the hexadecimal size before an optional extension.
func parseChunkSize(line []byte) (int64, error) {
	if len(line) > maxChunkLine {
		return 0, malformed("chunk size line is too long")
	}
	var size int64
	digits := 0
	for _, c := range line {
		var d byte
		switch {
		case '0' <= c && c <= '9':
			d = c - '0'
		case 'a' <= c && c <= 'f':
			d = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			d = c - 'A' + 10
		case c == ';' && digits > 0 && httpfield.ValidValue(string(line)):
			return size, nil
		default:
			return 0, malformed("chunk size")
		}
		if digits++; digits > 15 {
			return 0, malformed("chunk size")
		}
		size = size<<4 | int64(d)
	}
	if digits == 0 {
		return 0, malformed("chunk size")
	}
	return size, nil
}

// unexpected turns a clean end of the connection inside a body into an error.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
