package http1

import (
	"net/http"
	"time"
)

// dateLine is the Date field of one second.
type dateLine struct {
	second int64
	line   string
}

// appendDate writes the Date field. The newest is kept for all connections.
func (s *Server) appendDate(out []byte) []byte {
	now := time.Now()
	d := s.date.Load()
	if d == nil || d.second != now.Unix() {
		d = &dateLine{now.Unix(), "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"}
		s.date.Store(d)
	}
	return append(out, d.line...)
}
